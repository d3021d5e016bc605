"""Packets judged by where they say they come from, and destinations that only look like hosts."""

from __future__ import annotations

import pytest

import dsflow
from dsflow import Simulation
from tests.kernel.codes import NEIGHBOUR, NO_ROUTE, PORT
from tests.kernel.facts import shows
from tests.kernel.mutation_networks import virtual
from tests.kernel.networks import BOTH, H0, H2, NOWHERE, R0, R0_FAR, SERVER, VIP, chain, lan
from tests.kernel.packets import answers, arrived, datagram, ended, error, errors, left, ping, segment

BESIDE = {4: "10.0.0.77", 6: "fd00:a::77"}  # of the near link, and nobody's


def _filtering(mode: str) -> Simulation:
    return dsflow.load(chain(r0={"rp_filter": mode}))


def _from(net: Simulation, src: str, dst: str, *, family: int = 4, ttl: int = 64) -> str:
    """How a datagram ends that h0 puts onto its wire."""
    found = net.send("h0", datagram(family, src, dst, dport=53, ttl=ttl), interface="e0")
    return str(found.disposition)


@shows("22-strict")
def test_strict_filtering_wants_the_way_back_to_be_the_way_in() -> None:
    """Also for what is for the router itself; a hop limit that is used up is told of only then."""
    net = _filtering("strict")
    assert _from(net, H0[4], H2[4]) == "delivered"
    assert _from(net, BESIDE[4], H2[4]) == "delivered"
    assert _from(net, "10.0.0.0", H2[4]) == "delivered"
    for src in ("10.0.2.77", "10.0.1.77", "10.8.8.8", "240.0.0.1"):
        for target, ttl in ((H2[4], 64), (H2[4], 1), (R0[4], 64)):
            assert _from(net, src, target, ttl=ttl) == "source-check-failed", src
    found = net.send("h0", datagram(4, "10.8.8.8", H2), interface="e0")
    assert len(found.traces) == 1


@shows("22-strict")
def test_a_default_route_by_the_interface_satisfies_strict_filtering() -> None:
    """It leads everywhere."""
    routes = [{"to": "0.0.0.0/0", "via": H0[4]}]
    assert _from(dsflow.load(chain(r0={"rp_filter": "strict", "routes": routes})), "10.8.8.8", H2[4]) == "delivered"


@shows("22-loose")
def test_loose_filtering_wants_any_way_back() -> None:
    """Refusing routes are none."""
    net = _filtering("loose")
    for src in (H0[4], "10.0.2.77", "10.0.1.77"):
        assert _from(net, src, H2[4]) == "delivered", src
    for src in ("10.8.8.8", "240.0.0.1", "10.0.1.255"):
        assert _from(net, src, H2[4]) == "source-check-failed", src
    for kind in ("blackhole", "unreachable", "prohibit"):
        routes = [{"to": "10.8.0.0/16", "type": kind}]
        refusing = dsflow.load(chain(r0={"rp_filter": "loose", "routes": routes}))
        assert _from(refusing, "10.8.8.8", H2[4]) == "source-check-failed"


@pytest.mark.parametrize("mode", ["off", "strict", "loose"])
@shows("22-strict", "22-loose")
def test_a_missing_route_is_told_before_the_source_is_checked(mode: str) -> None:
    """The refusal of a route needs no source."""
    assert _from(_filtering(mode), "10.0.2.77", NOWHERE[4]) == "no-route"


@shows("22-ipv4-only")
@pytest.mark.parametrize("mode", ["off", "strict", "loose"])
def test_ipv6_does_not_filter_by_source(mode: str) -> None:
    """Whatever is set; nor does IPv4 by default."""
    for src in ("fd00:c::77", "fd00:b::77", "2001:db8::1"):
        assert _from(_filtering(mode), src, H2[6], family=6) == "delivered", src
    assert _from(_filtering("off"), "10.8.8.8", H2[4]) == "delivered"


@BOTH
@pytest.mark.parametrize("mode", ["off", "strict", "loose"])
@pytest.mark.parametrize("own", [R0, R0_FAR])
@shows("22-own-source")
def test_a_routers_own_address_as_a_source(family: int, own: dict[int, str], mode: str) -> None:
    """IPv4 drops it in every mode, IPv6 forwards it, and takes the answer as its own."""
    found = _filtering(mode).send("h0", datagram(family, own, H2), interface="e0")
    if family == 4:
        assert (found.disposition, ended(found), len(found.traces)) == ("source-check-failed", "r0", 1)
    else:
        assert (found.disposition, ended(found)) == ("no-listener", "h2")


@pytest.mark.parametrize("src", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "ff02::1", "::"])
@shows("23-martians")
def test_impossible_sources_are_dropped_in_silence(src: str) -> None:
    """Forwarded or for the router itself."""
    family = 6 if ":" in src else 4
    for target in (H2, R0):
        found = dsflow.load(chain()).send("h0", datagram(family, src, target), interface="e0")
        own = src == "::" and target is R0  # a machine that has no address yet may ask for one
        assert found.disposition == ("no-listener" if own else "source-check-failed")
        assert (len(found.traces), ended(found)) == (1, "r0")


@pytest.mark.parametrize("dst", ["127.0.0.1", "0.0.0.0", "::1"])
@shows("23-martians")
def test_impossible_destinations_are_dropped_in_silence(dst: str) -> None:
    """On a wire they are nobody's."""
    family = 6 if ":" in dst else 4
    found = dsflow.load(chain()).send("h0", datagram(family, H0, dst), interface="e0")
    assert (found.disposition, len(found.traces)) == ("source-check-failed", 1)


@shows("23-class-e")
def test_class_e_is_like_anything_else() -> None:
    """As a source it is forwarded, as a destination it has no route."""
    net = dsflow.load(chain())
    found = net.send("h0", datagram(4, "240.0.0.1", H2, dport=53), interface="e0")
    assert (found.disposition, ended(found)) == ("delivered", "h2")
    there = net.send("h0", datagram(4, H0, "240.0.0.1"))
    assert (there.disposition, error(there).told) == ("no-route", NO_ROUTE[4])


@shows("23-network-address")
def test_the_lowest_address_is_a_host_that_does_not_answer() -> None:
    """The last router tells of it, as of any neighbour that fails."""
    found = dsflow.load(chain()).send("h0", ping(4, H0, "10.0.2.0"))
    assert (found.disposition, error(found).told, error(found).quote.ttl) == ("neighbor-unreachable", NEIGHBOUR[4], 62)


@pytest.mark.parametrize("packet", [ping, datagram, segment])
@pytest.mark.parametrize("dst", ["10.0.2.255", "10.0.1.255"])
@shows("23-broadcast")
def test_a_broadcast_is_silent(packet: object, dst: str) -> None:
    """The first router that has the prefix takes it for itself, and its hop limit is not checked."""
    assert callable(packet)
    found = dsflow.load(chain()).send("h0", packet(4, H0, dst))
    assert (ended(found), len(found.traces)) == ("r1" if dst == "10.0.2.255" else "r0", 1)
    last = dsflow.load(chain()).send("h0", ping(4, H0, "10.0.1.255", ttl=1))
    assert (last.disposition, len(last.traces)) == ("no-listener", 1)


@shows("23-broadcast")
def test_a_socket_does_not_send_to_all_unless_it_asks() -> None:
    """Permission denied, for its own prefix and for all."""
    for dst in ("10.0.0.255", "255.255.255.255"):
        found = dsflow.load(chain()).send("h0", ping(4, H0, dst))
        assert (found.disposition, ended(found), len(found.traces)) == ("prohibited", "h0", 1)


@pytest.mark.parametrize(("anycast", "router"), [("fd00:a::", "r0"), ("fd00:b::", "r0"), ("fd00:c::", "r1")])
@shows("23-anycast")
def test_the_lowest_address_of_ipv6_is_the_routers(anycast: str, router: str) -> None:
    """A closed port there is told of by the anycast address; a ping is answered from an ordinary one."""
    net = dsflow.load(chain())
    found = net.send("h0", datagram(6, H0, anycast))
    assert (found.disposition, ended(found), error(found).told) == ("no-listener", router, PORT[6])
    assert error(found).src == anycast
    pinged = net.send("h0", ping(6, H0, anycast, ttl=2))
    assert (pinged.disposition, ended(pinged)) == ("delivered", router)
    assert left(pinged.traces[1])[0].src == {"r0": R0[6], "r1": "fd00:b::2"}[router]
    silent = net.send("h0", segment(6, H0, anycast))
    assert (ended(silent), len(silent.traces)) == (router, 1)


@shows("23-anycast")
def test_a_prefix_of_two_has_no_anycast() -> None:
    """Both are hosts (RFC 6164), and so is the zero address where it was given to somebody."""
    data = chain()
    data["devices"]["r0"]["interfaces"]["e1"]["addresses"] = ["10.0.1.1/24", "fd00:b::1/127"]
    data["devices"]["r1"]["interfaces"]["e0"]["addresses"] = ["10.0.1.2/24", "fd00:b::/127"]
    for name in ("r0", "r1"):
        held = data["devices"][name]
        held["routes"] = [item for item in held["routes"] if ":" not in item["to"]]
    data["devices"]["r1"]["routes"].append({"to": "fd00:a::/64", "via": "fd00:b::1"})
    found = dsflow.load(data).send("h0", ping(6, H0, "fd00:b::"))
    assert (found.disposition, found.round_trip, ended(found)) == ("delivered", "delivered", "r1")
    assert arrived(found.traces[1])[0].src == "fd00:b::"


@shows("23-link-local")
def test_a_link_local_source_is_not_forwarded() -> None:
    """After route and hop limit, before size and filter; the sender is told beyond its scope."""
    rule = {"hook": "forward", "action": "reject"}
    data = chain(r0={"filters": [rule], "interfaces": {"e1": {"mtu": 1400}}})
    data["devices"]["r1"]["interfaces"]["e0"]["mtu"] = 1400
    net = dsflow.load(data)
    for size in (100, 1450):
        found = net.send("h0", datagram(6, "fe80::5", H2, size=size), interface="e0")
        assert (found.disposition, ended(found)) == ("scope-unroutable", "r0")
    assert net.send("h0", datagram(6, "fe80::5", NOWHERE), interface="e0").disposition == "no-route"
    expired = net.send("h0", datagram(6, "fe80::5", H2, ttl=1), interface="e0")
    assert expired.disposition == "hop-limit-exceeded"
    own = net.send("h0", datagram(6, "fe80::5", R0), interface="e0")
    assert (own.disposition, ended(own)) == ("no-listener", "r0")
    assert len(errors(own)) <= 1


@shows("23-link-local")
def test_an_answer_translated_to_a_link_local_sender_finds_nobody_on_its_link() -> None:
    """It is not sent on by the default route."""
    data = lan(r={"nat": [*virtual(SERVER), {"hook": "postrouting", "action": "masquerade"}]})
    found = dsflow.load(data).send("c", datagram(6, "fe80::5", VIP, dport=53), interface="e0")
    assert str(found.disposition) == "delivered"
    assert (str(answers(found)[0].disposition), answers(found)[0].hops[-1].device) == (
        "neighbor-unreachable",
        "device/r",
    )


@shows("23-broadcast")
def test_what_an_answer_to_all_does_is_not_told() -> None:
    """The source is the broadcast address of the answering host's own link."""
    found = dsflow.load(chain()).send("h0", datagram(4, "10.0.2.255", H2, dport=53), interface="e0")
    assert [str(trace.disposition) for trace in found.traces] == ["delivered", "undetermined"]
    assert "not modelled" in found.traces[1].reason


@shows("23-anycast")
def test_no_icmpv6_error_goes_to_the_lowest_address_of_a_prefix_on_link() -> None:
    """It stands for any router there (icmp6_send)."""
    net = dsflow.load(chain())
    assert errors(net.send("h0", datagram(6, "fd00:a::", R0), interface="e0")) == []
    assert len(errors(net.send("h0", datagram(6, "fd00:a::7", R0), interface="e0"))) == 1


@shows("23-anycast")
def test_an_answer_from_an_anycast_address_leaves_by_its_interface_or_is_not_told() -> None:
    """The sender is reached by the other interface; where no route leads by this one there is no answer at all."""
    packet = ping(6, H2, "fd00:a::")
    assert [str(trace.disposition) for trace in dsflow.load(chain()).send("h0", packet).traces] == ["delivered"]
    other = dsflow.load(chain(r0={"routes": [{"to": "fd00::/16", "via": H0[6]}]}))
    assert [str(trace.disposition) for trace in other.send("h0", packet).traces] == ["delivered", "undetermined"]
