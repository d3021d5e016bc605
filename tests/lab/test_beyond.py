"""What the stand-ins cannot show, and where they can."""

from __future__ import annotations

import pytest

from dsflow.lab.beyond import beyond_twins
from dsflow.lab.craft import Craft, crafted, echo, segment, udp_datagram
from dsflow.lab.probe import Probe
from dsflow.net.address import Address, Family
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from dsflow.simulation import Simulation
from tests.cases import BALANCER_ADDRESS, CLIENT, POD, gua, sydney

POD_ADDRESS, WEB_ADDRESS = Address.parse("100.0.5.102"), Address.parse("198.51.100.80")
CLIENT_ADDRESS = Address.parse("198.51.100.7")


def why(simulation: Simulation, device: str, packet: bytes) -> str | None:
    return beyond_twins(simulation.send(device, packet), Probe(device=device, packet=packet))


def tcp(src: Address, dst: Address, flags: int = 2, tos: int = 0) -> bytes:
    return crafted(Craft(src=src, dst=dst, protocol=6, message=segment(40000, 80, flags, 0, 0), tos=tos))


def test_a_connection_that_opens_is_compared() -> None:
    assert why(gua(), POD, tcp(POD_ADDRESS, WEB_ADDRESS)) is None
    assert why(gua(), CLIENT, tcp(CLIENT_ADDRESS, Address.parse(BALANCER_ADDRESS))) is None


@pytest.mark.parametrize("flags", [0x12, 0x04, 0x01, 0x00])
def test_a_nat_gateway_is_shown_openings_only(flags: int) -> None:
    assert "opens no connection" in str(why(gua(), POD, tcp(POD_ADDRESS, WEB_ADDRESS, flags)))


def test_an_unasked_echo_reply_opens_nothing() -> None:
    reply = echo(Family.IPV4, 1, 1, 8, reply=True)
    packet = crafted(Craft(src=POD_ADDRESS, dst=WEB_ADDRESS, protocol=1, message=reply))
    assert "opens no connection" in str(why(sydney(), POD, packet))


def test_nobody_knows_what_becomes_of_a_ping_of_a_load_balancer() -> None:
    ping = echo(Family.IPV4, 1, 1, 8)
    packet = crafted(Craft(src=CLIENT_ADDRESS, dst=Address.parse(BALANCER_ADDRESS), protocol=1, message=ping))
    assert str(why(gua(), CLIENT, packet)).startswith("the simulation cannot tell: ")


def test_a_socket_marks_congestion_itself() -> None:
    packet = tcp(CLIENT_ADDRESS, Address.parse(BALANCER_ADDRESS), tos=3)
    assert "congestion" in str(why(gua(), CLIENT, packet))


def test_a_raw_socket_divides_nothing() -> None:
    packet = crafted(Craft(src=CLIENT_ADDRESS, dst=WEB_ADDRESS, protocol=17, message=udp_datagram(1, 2, 2000)))
    assert "raw socket" in str(why(gua(), CLIENT, packet))


def test_a_lone_fragment_waits_at_an_internet_gateway() -> None:
    whole = crafted(
        Craft(src=CLIENT_ADDRESS, dst=Address.parse(BALANCER_ADDRESS), protocol=17, message=udp_datagram(1, 2, 500))
    )
    piece = fragment(Packet.parse(whole), 300)[1].raw
    assert "lone fragment" in str(why(gua(), CLIENT, piece))
