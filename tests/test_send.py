"""``send``: any packet, from any device, by its routes or straight onto a wire."""

from __future__ import annotations

import json

import jsonschema
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_RR
from scapy.layers.inet6 import HBHOptUnknown, IPv6, IPv6ExtHdrHopByHop

import dsflow
from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.errors import NotModelledError, UsageError
from dsflow.trace.schema import chain_schema
from tests.cases import POD, WEB, gua, way


def routers() -> Simulation:
    return dsflow.load("two-routers")


def test_a_gateway_can_send() -> None:
    """From its own address a NAT gateway reaches the Internet; nothing there is translated."""
    chain = gua().send("natgw/nat", IP(src="203.0.113.10", dst="198.51.100.80") / TCP(dport=443))
    assert way(chain.traces[0]) == ["natgw/nat", WEB]
    assert chain.disposition is Disposition.DELIVERED


def test_the_fabric_can_send() -> None:
    chain = gua().send("vcn/oke", IP(src="100.0.5.1", dst="100.0.5.102") / ICMP())
    assert way(chain.traces[0]) == ["vcn/oke", "node/node-1", POD]


@pytest.mark.parametrize(
    ("device", "interface", "packet", "second"),
    [
        (POD, "eth0", IP(src="100.0.5.102", dst="198.51.100.80") / UDP(dport=9), "node/node-1"),
        ("igw/igw", "vcn/oke", IP(src="198.51.100.80", dst="100.0.5.102") / UDP(dport=9), "vcn/oke"),
        (WEB, "eth0", IP(src="198.51.100.80", dst="203.0.113.10") / UDP(dport=9), "natgw/nat"),
        (WEB, "eth0", IP(src="198.51.100.80", dst="198.51.100.7") / UDP(dport=9), "internet/client"),
    ],
)
def test_a_packet_can_be_put_onto_a_wire(device: str, interface: str, packet: IP, second: str) -> None:
    """It leaves by that interface, whatever the routes say, and goes to who has the destination there."""
    chain = gua().send(device, packet, interface=interface)
    first = chain.traces[0].hops[0]
    assert (first.out_interface, first.steps[0].stage) == (interface, "send")
    assert way(chain.traces[0])[1] == second
    assert first.packets_out == (bytes(packet),)


def test_the_wire_passes_by_the_devices_own_filters_and_routes() -> None:
    """A blackhole of its own does not stop what is put onto the wire; the next router decides."""
    simulation = dsflow.load("two-routers").what_if({"devices.h0.filters": [{"hook": "output", "action": "drop"}]})
    packet = IP(src="10.1.0.2", dst="10.1.2.2") / UDP(dport=53) / b"x"
    assert simulation.send("h0", packet).disposition is Disposition.DENIED_EGRESS
    assert simulation.send("h0", packet, interface="e0").disposition is Disposition.DELIVERED


def test_what_is_no_packet_goes_as_far_as_the_next_machine() -> None:
    """And no further: the reason names the field, and the trace is as valid as any."""
    good = bytes(IP(src="10.1.0.2", dst="10.1.2.2") / UDP(dport=53))
    wrong = good[:10] + bytes((good[10] ^ 0xFF,)) + good[11:]
    chain = routers().send("h0", wrong, interface="e0")
    assert chain.disposition is Disposition.MALFORMED
    assert way(chain.traces[0]) == ["device/h0", "device/r0"]
    assert "ipv4.checksum" in chain.traces[0].reason
    assert chain.traces[0].hops[1].packets_in == (wrong,)
    jsonschema.validate(json.loads(json.dumps(chain.to_json())), chain_schema())


@pytest.mark.parametrize("text", ["", "45", "60000000", "f5" * 40, "00" * 20, "46000018" + "00" * 20])
def test_no_bytes_give_a_traceback(text: str) -> None:
    chain = routers().send("h0", bytes.fromhex(text), interface="e0")
    assert chain.disposition is Disposition.MALFORMED
    assert str(chain)
    assert chain.to_packets()


def test_padding_of_a_short_frame_is_cut_off() -> None:
    """A receiver takes as much as the header says (RFC 894)."""
    packet = bytes(IP(src="10.1.0.2", dst="10.1.2.2") / UDP(dport=53) / b"x")
    chain = routers().send("h0", packet + bytes(6), interface="e0")
    assert chain.traces[0].hops[0].packets_out == (packet,)
    assert chain.disposition is Disposition.DELIVERED


def test_a_wire_takes_no_more_than_its_mtu() -> None:
    packet = IP(src="10.1.0.2", dst="10.1.2.2") / UDP(dport=53) / bytes(2000)
    chain = routers().send("h0", packet, interface="e0")
    assert (chain.disposition, way(chain.traces[0])) == (Disposition.TOO_BIG, ["device/h0"])


def test_a_device_with_several_addresses_chooses_its_source_by_the_route() -> None:
    """r1 has an address on each of its links; scapy's packet leaves the source open."""
    simulation = routers()
    for dst in ("10.1.0.2", "10.1.2.2"):
        header = simulation.send("r1", IP(dst=dst) / ICMP()).traces[0].hops[0].header_out
        assert header is not None
        neighbours = [str(entry) for entry in simulation.topology.devices["r1"].interfaces["e0"].addresses]
        near = any(header.src == text.partition("/")[0] for text in neighbours)
        assert near == (dst == "10.1.0.2")


@pytest.mark.parametrize(
    ("device", "interface", "message"),
    [
        ("h0", "e7", '"e7": no interface of device/h0, which has e0'),
        ("nobody", "e0", '"nobody": no such'),
    ],
)
def test_a_wire_that_is_not_there_is_refused(device: str, interface: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        routers().send(device, IP(src="10.1.0.2", dst="10.1.2.2"), interface=interface)


def test_an_interface_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="nobody is on the link"):
        routers().send("r0", IP(src="10.1.0.2", dst="10.1.2.2"), interface="lo")


@pytest.mark.parametrize("packet", [IP(dst="224.0.0.5"), IPv6(dst="ff02::1"), IPv6(dst="fe80::1")])
def test_what_no_model_follows_is_refused(packet: IP) -> None:
    """Multicast and link-local destinations, also from plain devices."""
    with pytest.raises(NotModelledError):
        routers().send("h0", packet / UDP(dport=9))


def test_other_protocols_are_refused_from_cloud_objects_alone() -> None:
    """Linux has an answer to them (RFC 1122 section 3.2.2.1)."""
    with pytest.raises(NotModelledError):
        gua().send(POD, IP(dst="100.0.5.215", proto=89) / b"hello")
    chain = routers().send("h0", IP(dst="10.1.2.2", proto=89) / b"hello")
    assert chain.disposition is Disposition.NO_LISTENER
    assert chain.traces[1].hops[-1].packets_in[0][20:22] == bytes((3, 2))


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (
            IP(src="10.1.0.2", dst="10.1.2.2", options=[IPOption_RR(length=7, routers=["0.0.0.0"])]) / UDP(),
            "record route",
        ),
        (IP(src="10.1.0.2", dst="10.1.2.2") / ICMP(type="timestamp-request"), "timestamp request"),
        (
            IPv6(src="fd00:1::2", dst="fd00:1:2::2") / IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x7E)]) / UDP(),
            "126",
        ),
    ],
)
def test_what_somebody_on_the_way_would_have_to_act_on_is_refused(packet: IP, what: str) -> None:
    """Options that are written into or must be understood, and a question for the time."""
    with pytest.raises(NotModelledError, match=what):
        routers().send("h0", packet)
