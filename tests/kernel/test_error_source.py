"""From which address an ICMP error comes."""

from __future__ import annotations

import pytest

import dsflow
from dsflow.net.address import Address, Family
from tests.kernel.codes import HOP_LIMIT, NEIGHBOUR, NO_ROUTE, PORT, PROTOCOL
from tests.kernel.facts import shows
from tests.kernel.networks import BOTH, H0, H2, NOWHERE, R0, R0_FAR, R1, chain
from tests.kernel.packets import datagram, error, errors, left, ping, sent

SILENT_LO = {"interfaces": {"lo": {"addresses": ["10.8.8.8/32", "fd00:8::8/128"]}}}


@BOTH
@shows("error-source-ipv4", "error-source-ipv6")
def test_an_error_to_a_sender_beyond_another_interface(family: int) -> None:
    """IPv4 speaks from the way to the sender, IPv6 from where the packet came in; both leave toward the sender."""
    found = dsflow.load(chain()).send("h0", datagram(family, H2, NOWHERE))
    assert error(found).told == NO_ROUTE[family]
    assert error(found).src == (R0_FAR if family == 4 else R0)[family]
    (trace,) = errors(found)
    assert trace.hops[0].out_interface == "e1"
    assert trace.hops[-1].device == "device/h2"


@BOTH
@shows("error-source-ipv4", "error-source-ipv6")
def test_an_error_to_a_neighbour(family: int) -> None:
    """Where both ways are one, so are the rules."""
    for packet in (datagram(family, H0, NOWHERE), datagram(family, H0, H2, ttl=1), ping(family, H0, H2, ttl=1)):
        assert error(dsflow.load(chain()).send("h0", packet)).src == R0[family]
    assert error(dsflow.load(chain()).send("h0", datagram(family, H0, H2, ttl=2))).src == R1[family]


@shows("error-source-ipv4")
def test_ipv4_takes_the_source_of_the_route_to_the_sender() -> None:
    """Before the address of the interface."""
    data = chain(r0={**SILENT_LO, "routes": [{"to": "10.0.3.0/24", "via": "10.0.1.2", "source": "10.8.8.8"}]})
    assert error(dsflow.load(data).send("h0", datagram(4, "10.0.3.3", NOWHERE))).src == "10.8.8.8"


@shows("error-source-ipv4")
def test_a_secondary_address_is_spoken_to_by_its_primary() -> None:
    """Also by an error about a packet that was given the secondary one as its source."""
    own = {"interfaces": {"e1": {"addresses": ["10.0.1.1/24", "10.0.1.9/24", "fd00:b::1/64"]}}}
    rule = {"hook": "postrouting", "family": "ipv4", "out_interface": "e1", "action": "snat", "to_address": "10.0.1.9"}
    net = dsflow.load(chain(r0={**own, "nat": [rule]}))
    assert error(net.send("h0", datagram(4, H0, "10.0.1.99", dport=53))).src == "10.0.1.1"
    asked = net.trace("r0", "10.0.1.9", family=4, icmp=True).traces[0]
    assert asked.hops[0].decisions[-1].before is not None
    assert str(Address(Family.IPV4, asked.hops[0].decisions[-1].before.src)) == "10.0.1.1"


@shows("error-source-ipv4")
def test_ipv4_takes_the_address_whose_subnet_has_the_gateway() -> None:
    """Of several on the interface; for a connected sender the address of its subnet."""
    addresses = ["10.4.0.1/24", "10.0.1.1/24", "10.0.1.9/24"]
    beyond = ["10.0.1.2/24", "10.4.0.7/24"]
    data = chain(
        r0={"interfaces": {"e1": {"addresses": addresses}}},
        r1={"interfaces": {"e0": {"addresses": beyond}}},
    )
    for name in ("r0", "r1"):  # IPv4 only, as r0 has no IPv6 address there any more
        held = data["devices"][name]
        held["routes"] = [item for item in held["routes"] if ":" not in item["to"]]
    net = dsflow.load(data)
    assert error(net.send("h0", datagram(4, H2, NOWHERE))).src == "10.0.1.1"
    assert error(net.send("h0", datagram(4, "10.0.1.2", NOWHERE))).src == "10.0.1.1"
    assert error(net.send("h0", datagram(4, "10.4.0.7", NOWHERE), interface="e0")).src == "10.4.0.1"


@shows("error-source-ipv6")
def test_ipv6_ignores_a_better_match_on_another_interface() -> None:
    """A global address where the packet came in speaks to a unique local sender."""
    data = chain(r0={"interfaces": {"e0": {"addresses": ["10.0.0.1/24", "2001:db8::1/64"]}}})
    for name in ("h0", "h1"):
        data["devices"][name]["routes"] = []
    data["devices"]["r1"]["routes"] = []
    found = dsflow.load(data).send("h0", datagram(6, H2, NOWHERE), interface="e0")
    assert error(found).src == "2001:db8::1"


@shows("error-source-ipv6")
def test_ipv6_chooses_among_the_addresses_of_the_interface() -> None:
    """The sender's kind first, then the longest prefix in common, then the last one written."""
    addresses = ["10.0.0.1/24", "2001:db8::1/64", "fd00:a::1/64", "fd00:a:0:1::1/64", "fd00:a::f1/64"]
    sender = ["10.0.0.2/24", "fd00:a::2/64", "2001:db8::2/64"]
    data = chain(
        h0={"interfaces": {"e0": {"addresses": sender}}},
        r0={"interfaces": {"e0": {"addresses": addresses}}},
    )
    net = dsflow.load(data)
    assert error(net.send("h0", datagram(6, H0, NOWHERE), interface="e0")).src == "fd00:a::f1"
    found = net.send("h0", datagram(6, "2001:db8::2", NOWHERE), interface="e0")
    assert error(found).src == "2001:db8::1"


@shows("error-source-no-address")
@pytest.mark.parametrize("looped", [False, True])
def test_ipv4_without_an_address_toward_the_sender(looped: bool) -> None:
    """The first of the first interface that has one, lo before the rest: as of a pod's veth."""
    pods = {"link": "cable", "addresses": ["fd00:5::1/64"]}
    box = {
        "forwarding": True,
        "interfaces": {"eth0": {"link": "wide", "addresses": ["10.0.0.2/24"]}, "veth": pods},
        "routes": [{"to": "10.5.0.2/32", "interface": "veth"}],
    }
    if looped:
        box["interfaces"]["lo"] = {"addresses": ["10.8.8.8/32"]}  # type: ignore[index]  # of mixed values
    pod = {
        "interfaces": {"eth0": {"link": "cable", "addresses": ["10.5.0.2/32"]}},
        "routes": [{"to": "0.0.0.0/0", "interface": "eth0"}],
    }
    other = {"interfaces": {"e0": {"link": "wide", "addresses": ["10.0.0.9/24"]}}}
    data = {
        "apiVersion": "dsflow/v1",
        "name": "bare-cable",
        "links": {"wide": {}, "cable": {}},
        "devices": {"box": box, "pod": pod, "other": other},
    }
    found = dsflow.load(data).send("pod", datagram(4, "10.5.0.2", NOWHERE), interface="eth0")
    assert error(found).src == ("10.8.8.8" if looped else "10.0.0.2")
    expired = dsflow.load(data).send("pod", datagram(4, "10.5.0.2", "10.0.0.9", ttl=1), interface="eth0")
    assert (error(expired).told, error(expired).src) == (HOP_LIMIT[4], "10.8.8.8" if looped else "10.0.0.2")


@shows("error-source-no-address")
def test_ipv6_without_an_address_where_the_packet_came_in() -> None:
    """Those of all other interfaces compete."""
    data = chain(r0={"interfaces": {"e0": {"addresses": ["10.0.0.1/24"]}}})
    data["devices"]["h0"]["routes"] = [{"to": "::/0", "interface": "e0"}]
    data["devices"]["h1"]["routes"] = []
    found = dsflow.load(data).send("h0", datagram(6, H2, NOWHERE), interface="e0")
    assert error(found).src == R0_FAR[6]


@BOTH
@pytest.mark.parametrize("target", [R0, R0_FAR])
@shows("error-source-closed-port")
def test_a_closed_port_speaks_from_the_address_probed(family: int, target: dict[int, str]) -> None:
    """Whatever interface the packet came in by; so does a protocol that nobody speaks."""
    net = dsflow.load(chain())
    found = net.send("h0", datagram(family, H0, target))
    assert (error(found).told, error(found).src, error(found).quote.ttl) == (PORT[family], target[family], 64)
    packet = bytearray(datagram(family, H0, target))
    packet[9 if family == 4 else 6] = 89
    if family == 4:
        total = int.from_bytes(packet[10:12], "big") - (89 - 17)
        packet[10:12] = (total % 0xFFFF).to_bytes(2, "big")
    found = net.send("h0", bytes(packet))
    assert (error(found).told, error(found).src) == (PROTOCOL[family], target[family])
    assert family == 4 or error(found).mtu == 6  # the offset of the next header that named it


@BOTH
@shows("error-source-ipv4", "error-source-ipv6")
def test_an_error_of_the_last_router(family: int) -> None:
    """A neighbour that fails on the far link is told of on the near one."""
    nobody = {4: "10.0.2.77", 6: "fd00:c::77"}
    found = dsflow.load(chain()).send("h0", datagram(family, H0, nobody))
    assert (sent(found), error(found).told, error(found).src) == ("r1", NEIGHBOUR[family], R1[family])
    (trace,) = errors(found)
    assert left(trace, 1)[0].ttl == 63
