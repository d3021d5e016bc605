"""A chain as packets at interfaces, and what its sender hears."""

from __future__ import annotations

import errno

import pytest

import dsflow
from dsflow.lab.compare import Maker
from dsflow.lab.expect import (
    dialled,
    expected_errno,
    expected_packets,
    fails_at_home,
    first_receiver,
    maybe_redirected,
    route_errors,
    tells_a_stranger,
)
from dsflow.lab.probe import Probe
from dsflow.net.address import Address
from dsflow.net.build import first_packet
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain

TWINS = frozenset({"device/h0", "device/r0", "device/r1", "device/h2"})


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return dsflow.load("two-routers")


def udp(src: str, dst: str, dport: int = 53, size: int | None = None) -> bytes:
    one, other = Address.parse(src), Address.parse(dst)
    return first_packet(one.family, "udp", one.value, other.value, dport=dport, size_bytes=size).raw


def asked(simulation: Simulation, packet: bytes, device: str = "device/h0") -> tuple[Chain, Probe]:
    return simulation.send(device, packet), Probe(device=device, packet=packet)


def test_every_packet_at_every_interface_is_expected(simulation: Simulation) -> None:
    chain, probe = asked(simulation, udp("10.1.0.2", "10.1.2.2"))
    packets, elsewhere = expected_packets(chain, probe, TWINS)
    assert elsewhere == 0
    assert [(one.device, one.interface, one.direction) for one in packets[:6]] == [
        ("device/h0", "e0", "out"),
        ("device/r0", "e0", "in"),
        ("device/r0", "e1", "out"),
        ("device/r1", "e0", "in"),
        ("device/r1", "e1", "out"),
        ("device/h2", "e0", "in"),
    ]
    assert {one.maker for one in packets[:6]} == {Maker.UNNUMBERED}
    assert {one.maker for one in packets[6:]} == {Maker.KERNEL}


def test_packets_without_a_twin_are_counted(simulation: Simulation) -> None:
    chain, probe = asked(simulation, udp("10.1.0.2", "10.1.2.2"))
    packets, elsewhere = expected_packets(chain, probe, TWINS - {"device/r1"})
    assert elsewhere == 4
    assert len(packets) == 8


def test_a_numbered_probe_is_compared_whole(simulation: Simulation) -> None:
    numbered = bytearray(udp("10.1.0.2", "10.1.2.2"))
    numbered[4:6] = b"\x12\x34"
    from dsflow.lab.craft import mended

    for packet in (mended(bytes(numbered)), udp("fd00:1::2", "fd00:1:2::2")):
        chain, probe = asked(simulation, packet)
        assert expected_packets(chain, probe, TWINS)[0][0].maker is Maker.PROBE


def test_an_error_tells_who_made_what_it_quotes(simulation: Simulation) -> None:
    chain, probe = asked(simulation, udp("10.1.0.2", "10.1.2.2", 999))
    error = expected_packets(chain, probe, TWINS)[0][-1]
    assert (error.maker, error.quoted) == (Maker.KERNEL, Maker.UNNUMBERED)


def test_the_sender_hears_of_its_own_refusal(simulation: Simulation) -> None:
    chain, probe = asked(simulation, udp("10.1.0.1", "10.1.66.1"), "device/r0")
    assert expected_errno(chain, probe) == errno.EINVAL
    chain, probe = asked(simulation, udp("10.1.0.2", "10.1.2.2"))
    assert expected_errno(chain, probe) is None


def test_a_neighbour_that_fails_at_home_is_heard_over_lo(simulation: Simulation) -> None:
    held = simulation.topology.devices
    chain, probe = asked(simulation, udp("10.1.2.2", "10.1.2.99"), "device/h2")
    assert fails_at_home(chain, probe, held["h2"])
    foreign = udp("192.0.2.7", "10.1.2.99")
    assert not fails_at_home(simulation.send("h2", foreign), Probe(device="device/h2", packet=foreign), held["h2"])
    chain, probe = asked(simulation, udp("10.1.0.2", "10.1.2.99"))
    assert not fails_at_home(chain, probe, held["h0"])


def test_whom_a_packet_is_handed_to(simulation: Simulation) -> None:
    assert first_receiver(asked(simulation, udp("10.1.0.2", "10.1.2.2"))[0]) == ("device/r0", "e0")
    assert first_receiver(asked(simulation, udp("10.1.0.1", "10.1.66.1"), "device/r0")[0]) is None


def test_errors_that_the_kernel_sends_rarely_are_counted(simulation: Simulation) -> None:
    chain, _ = asked(simulation, udp("10.1.0.2", "10.1.9.1"))
    (error,) = route_errors(chain)
    assert error.device == chain.forward.hops[-1].device
    assert error.receiver == Address.parse("10.1.0.2").packed
    assert route_errors(asked(simulation, udp("10.1.0.2", "10.1.2.2"))[0]) == []
    assert maybe_redirected(asked(simulation, udp("10.1.0.2", "10.1.2.2"))[0]) == []
    assert maybe_redirected(asked(simulation, udp("10.1.0.2", "10.1.2.99"))[0])[0].device == "device/r1"


def test_what_a_proxy_dials() -> None:
    from tests.cases import BALANCER, CLIENT, gua

    client, vip = Address.parse("198.51.100.7"), Address.parse("203.0.113.20")
    syn = first_packet(4, "tcp", client.value, vip.value, dport=80).raw
    chain = gua().send(CLIENT, syn)
    found = dialled(chain)
    assert found is not None
    assert (found.balancer, str(found.address), found.port) == (BALANCER, "100.0.2.10", 80)
    assert found.backend == (Address.parse("100.0.5.102"), 80)
    packets, _ = expected_packets(chain, Probe(device=CLIENT, packet=syn), frozenset(gua().dataplane))
    assert {packet.maker for packet in packets} == {Maker.CLIENT, Maker.PROXY}
    assert dialled(gua().send(CLIENT, first_packet(4, "tcp", client.value, vip.value, dport=81).raw)) is None


def test_a_refusal_in_anothers_name_is_told_to_that_one(simulation: Simulation) -> None:
    foreign = udp("192.0.2.7", "10.1.2.99")
    chain = simulation.send("h2", foreign)
    assert tells_a_stranger(chain, Probe(device="device/h2", packet=foreign))
    assert not tells_a_stranger(*asked(simulation, udp("10.1.2.2", "10.1.2.99"), "device/h2"))
    assert not tells_a_stranger(*asked(simulation, udp("192.0.2.7", "10.1.0.2"), "device/h2"))


def test_the_clouds_machines_hear_of_silent_refusals() -> None:
    from tests.cases import CLIENT, gua

    packet = udp("198.51.100.7", "10.1.2.3")
    assert expected_errno(gua().send(CLIENT, packet), Probe(device=CLIENT, packet=packet)) == errno.EINVAL
