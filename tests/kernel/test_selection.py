"""The source that a sender chooses, redirects, and what a capture can be held against."""

from __future__ import annotations

import pytest

import dsflow
from dsflow.lab.compare import Caught as Captured
from dsflow.lab.compare import Expected, Maker, Ports, pair
from dsflow.lab.plan import make_plan
from dsflow.net.fragment import fragment
from dsflow.net.icmp import icmp_error
from dsflow.net.packet import Packet
from dsflow.trace.chain import Chain
from tests.kernel.facts import shows
from tests.kernel.networks import (
    BITS,
    BOTH,
    CLIENT,
    H0,
    H2,
    POD,
    R0,
    R0_FAR,
    SERVER,
    VIP,
    Data,
    chain,
    lan,
    masquerading,
    node,
)
from tests.kernel.packets import arrived, datagram, left, ping


def _sources(addresses: list[str], *routes: Data) -> Data:
    """The chain with h0 at these addresses, and h2 at home everywhere."""
    everywhere = ["10.0.2.2/24", "fd00:c::2/64", "2001:db8:c::2/64"]
    return chain(
        h0={"interfaces": {"e0": {"addresses": ["10.0.0.2/24", *addresses]}}, "routes": list(routes)},
        h2={"interfaces": {"e0": {"addresses": everywhere}}},
    )


def _chosen(data: Data, target: str, family: int, device: str = "h0") -> str:
    return left(dsflow.load(data).trace(device, target, family=family, udp=53).traces[0])[0].src


@shows("source-selection-ipv6")
def test_ipv6_prefers_a_source_of_the_destinations_kind() -> None:
    """A unique local source for unique local, a global one for global destinations."""
    data = _sources(["2001:db8:a::2/64", "fd00:a::2/64"])
    assert _chosen(data, "fd00:c::2", 6) == "fd00:a::2"
    assert _chosen(data, "2001:db8:c::2", 6) == "2001:db8:a::2"


@shows("source-selection-ipv6")
def test_ipv6_prefers_the_longest_common_prefix() -> None:
    """Capped by the prefix of the address; of equals, the one that was added last."""
    data = _sources(["fd00:c:0:1::2/64", "fd00:a::2/64", "fd00:a::22/64"])
    assert _chosen(data, "fd00:c::2", 6) == "fd00:c:0:1::2"
    assert _chosen(data, "fd00:a::1", 6) == "fd00:a::22"


@BOTH
@shows("source-selection-route")
def test_the_source_of_a_route_comes_before_all(family: int) -> None:
    """In both families."""
    second = {4: "10.0.0.22/24", 6: "fd00:a::22/64"}[family]
    first = ["fd00:a::2/64"]
    route = {"to": f"{H2[family]}/{BITS[family]}", "via": R0[family], "source": second.partition("/")[0]}
    data = _sources([second, *first], route)
    assert _chosen(data, H2[family], family) == second.partition("/")[0]
    other = {4: "10.0.1.2", 6: "fd00:b::2"}[family]
    assert _chosen(data, other, family) == {4: "10.0.0.2", 6: "fd00:a::2"}[family]


@shows("source-selection-ipv4")
def test_ipv4_takes_the_first_address_of_the_interface_it_leaves_by() -> None:
    """Of several, the first whose subnet has the gateway; a second of one subnet never."""
    assert _chosen(chain(), H2[4], 4, "r0") == R0_FAR[4]
    assert _chosen(chain(), H0[4], 4, "r0") == R0[4]
    data = chain(
        h0={"interfaces": {"e0": {"addresses": ["10.4.0.2/24", "10.0.0.2/24", "10.0.0.22/24", "fd00:a::2/64"]}}}
    )
    assert _chosen(data, H2[4], 4) == "10.0.0.2"


def _redirects(found: Chain, device: str) -> bool:
    """Whether a device notes that it redirects the sender of the first packet."""
    (hop,) = (hop for hop in found.traces[0].hops if hop.device == f"device/{device}")
    return any(step.stage == "redirect" for step in hop.steps)


def _roundabout(family: int) -> Data:
    """c asks r for its neighbour s too."""
    return lan(c={"routes": [{"to": f"{SERVER[family]}/{BITS[family]}", "via": R0[family]}]})


@BOTH
@shows("redirects-on-link-source", "redirects-ipv6")
def test_a_neighbour_is_redirected_to_its_neighbour(family: int) -> None:
    """The packet is forwarded all the same, one hop lower."""
    found = dsflow.load(_roundabout(family)).send("c", ping(family, CLIENT, SERVER))
    assert found.disposition == "delivered"
    assert _redirects(found, "r")
    assert arrived(found.traces[0])[0].ttl == 63


@shows("redirects-on-link-source")
def test_of_errors_and_later_fragments_nobody_is_told() -> None:
    """Whatever passed between the same ends before (icmp_send)."""
    routes = [{"to": f"{SERVER[4]}/32", "via": R0[4]}]
    net = dsflow.load(lan(c={"routes": routes}))
    whole = Packet.parse(datagram(4, CLIENT, SERVER, size=1400, dport=53))
    first, later = (piece.raw for piece in fragment(whole, 1000))
    refused = icmp_error(Packet.parse(datagram(4, SERVER, CLIENT)), src=whole.src, icmp_type=3, icmp_code=3)
    assert refused is not None
    for packet, told in ((whole.raw, True), (first, True), (later, False), (refused.raw, False), (whole.raw, True)):
        assert _redirects(net.send("c", packet), "r") is told


@shows("redirects-on-link-source")
@pytest.mark.parametrize(("mode", "told"), [("off", True), ("loose", True), ("strict", False)])
def test_a_sender_with_a_better_route_elsewhere_is_told_if_it_can_be_reached_here(mode: str, told: bool) -> None:
    """fib_validate_source asks again for the interface that the packet came in by, unless it is strict."""
    far = {"interfaces": {"e1": {"link": "far", "addresses": ["10.0.0.129/25"]}}, "rp_filter": mode}
    data = lan(r=far, c={"routes": [{"to": f"{SERVER[4]}/32", "via": R0[4]}]})
    data["links"]["far"] = {}
    data["devices"]["x"] = {"interfaces": {"e0": {"link": "far", "addresses": ["10.0.0.130/25"]}}}
    found = dsflow.load(data).send("c", datagram(4, "10.0.0.140", SERVER, dport=53))
    (hop,) = (hop for hop in found.traces[0].hops if hop.device == "device/r")
    assert any(step.stage == "redirect" for step in hop.steps) is told


@BOTH
@shows("redirects-on-link-source")
def test_a_redirect_comes_before_the_filter(family: int) -> None:
    """And not where the hop limit is used up."""
    data = _roundabout(family)
    data["devices"]["r"]["filters"] = [{"hook": "forward", "action": "drop"}]
    net = dsflow.load(data)
    found = net.send("c", ping(family, CLIENT, SERVER))
    assert (found.disposition, _redirects(found, "r")) == ("denied-forward", True)
    assert not _redirects(net.send("c", ping(family, CLIENT, SERVER, ttl=1)), "r")


@BOTH
@shows("redirects-ipv6")
def test_only_ipv4_redirects_to_another_router(family: int) -> None:
    """IPv6 would need its link-local address."""
    found = dsflow.load(lan()).send("c", ping(family, CLIENT, H2))
    assert found.disposition == "delivered"
    assert _redirects(found, "r") is (family == 4)


@BOTH
@shows("redirects-on-link-source")
def test_a_node_is_redirected_and_its_pod_is_not(family: int) -> None:
    """The pod's address is not on the link."""
    peer = {4: "10.0.0.3", 6: "fd00:a::3"}
    data = node(node={"routes": [{"to": f"{peer[family]}/{BITS[family]}", "via": R0[family]}]})
    net = dsflow.load(data)
    own = {4: "10.0.0.2", 6: "fd00:a::2"}
    assert _redirects(net.send("node", ping(family, own, peer)), "r")
    assert not _redirects(net.send("pod", ping(family, POD, peer)), "r")


@BOTH
@shows("redirects-no-switch")
def test_only_ipv6_redirects_what_it_translates(family: int) -> None:
    """Connection tracking drops the redirect of IPv4."""
    rules = [
        {"hook": "prerouting", "to": f"{VIP[family]}/{BITS[family]}", "action": "dnat", "to_address": SERVER[family]},
        {"hook": "postrouting", "action": "masquerade"},
    ]
    found = dsflow.load(lan(r={"nat": rules})).send("c", ping(family, CLIENT, VIP))
    assert found.round_trip == "delivered"
    assert _redirects(found, "r") is (family == 6)


@BOTH
@shows("capturing-in-out")
def test_a_hop_shows_what_comes_in_and_what_goes_out(family: int) -> None:
    """Before translation, and after it and the division."""
    data = masquerading(r0={"interfaces": {"e1": {"mtu": 1400}}}, r1={"interfaces": {"e0": {"mtu": 1400}}})
    size = 1450 if family == 4 else 1400
    found = dsflow.load(data).send("h0", datagram(family, H0, H2, size=size, dport=53))
    came, went = arrived(found.traces[0], 1), left(found.traces[0], 1)
    assert [(one.src, one.ttl) for one in came] == [(H0[family], 64)]
    assert [(one.src, one.ttl) for one in went] == [(R0_FAR[family], 63)] * (2 if family == 4 else 1)


def _pair(expected: bytes, caught: bytes, maker: Maker, known: frozenset[int] = frozenset()) -> bool:
    place = ("device/r0", "e1", "out")
    return pair([Expected(0, 0, *place, expected, maker)], [Captured(*place, caught)], Ports(known)).holds


@shows("capturing-not-known")
def test_what_a_kernel_chooses_is_not_compared() -> None:
    """Its identifications, and drawn ports of one class; what a probe has is."""
    one, other = (datagram(4, H0, H2, ident=ident) for ident in (1, 2))
    assert _pair(one, other, Maker.KERNEL)
    assert not _pair(one, other, Maker.PROBE)
    drawn = [datagram(4, R0_FAR, H2, sport=sport) for sport in (5000, 6000, 700)]
    assert _pair(drawn[0], drawn[1], Maker.PROBE)
    assert not _pair(drawn[0], drawn[2], Maker.PROBE)
    assert not _pair(drawn[0], drawn[1], Maker.PROBE, frozenset({5000}))


@pytest.mark.parametrize("wanted", ["nodad", "neigh", "accept_redirects=0", "icmp_ratemask=0"])
@shows("capturing-quiet")
def test_the_lab_is_quiet(wanted: str) -> None:
    """No address is probed for, and neighbours are written down."""
    assert any(wanted in command.text for command in make_plan(dsflow.load(chain()).topology, "any").commands)
