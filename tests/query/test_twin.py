"""One question in both families: what stands beside what, what differs, and what a client makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsflow
from dsflow import Simulation
from dsflow.net.address import Family
from dsflow.query.align import aligned_hops, longest_common_subsequence
from dsflow.query.differences import differences
from dsflow.query.twin import Twin, compared, twin
from dsflow.trace.twin import AlignedHop, DifferenceKind, Interval, Outcome, Signal
from tests.cases import CLIENT, DNS, LOCAL_DNS, POD, PUBLIC_NODE, REMOTE, SERVICE, WEB, gua, sydney
from tests.clusters import as_built, questions
from tests.strategies import clusters

DETOUR: dict[str, Any] = {
    "apiVersion": "dsflow/v1",
    "name": "detour",
    "links": {"ar": {}, "rb": {}, "rs": {}, "sb": {}},
    "devices": {
        "a": {
            "interfaces": {"e0": {"link": "ar", "addresses": ["10.0.0.2/24", "fd00:a::2/64"]}},
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}, {"to": "::/0", "via": "fd00:a::1"}],
        },
        "r": {
            "forwarding": True,
            "interfaces": {
                "e0": {"link": "ar", "addresses": ["10.0.0.1/24", "fd00:a::1/64"]},
                "e1": {"link": "rb", "addresses": ["10.0.1.1/24"]},
                "e2": {"link": "rs", "mtu": 1400, "addresses": ["fd00:c::1/64"]},
            },
            "routes": [{"to": "fd00:b::/64", "via": "fd00:c::2"}],
        },
        "s": {
            "forwarding": True,
            "interfaces": {
                "e0": {"link": "rs", "mtu": 1400, "addresses": ["fd00:c::2/64"]},
                "e1": {"link": "sb", "addresses": ["fd00:b::1/64"]},
            },
            "routes": [{"to": "fd00:a::/64", "via": "fd00:c::1"}],
        },
        "b": {
            "interfaces": {
                "e0": {"link": "rb", "addresses": ["10.0.1.2/24"]},
                "e1": {"link": "sb", "addresses": ["fd00:b::2/64"]},
            },
            "routes": [{"to": "0.0.0.0/0", "via": "10.0.1.1"}, {"to": "::/0", "via": "fd00:b::1"}],
            "listen": ["udp/53"],
        },
    },
}
"""Two hosts: IPv4 passes one router, IPv6 two, the second behind a narrower link."""

NO_DEFAULT = {'route_tables.pods.rules."::/0"': None}
EYEBALLS, PATIENCE = 250_000, 131_000_000


def built() -> Simulation:
    return dsflow.load("oke-sydney-as-built")


def kinds(found: Twin) -> list[str]:
    return [str(difference.kind) for difference in found.differences]


def text(found: Twin, kind: str) -> str:
    (only,) = [difference.text for difference in found.differences if difference.kind == kind]
    return only


def told(found: Twin) -> str:
    """What is said of the client."""
    return "\n".join(found.choice.text)


# --- side by side --------------------------------------------------------------------------------------------


def places(found: Twin, direction: str = "forward") -> list[tuple[str | None, str | None]]:
    return [
        (row.ipv4 and row.ipv4.device, row.ipv6 and row.ipv6.device) for row in found.rows if row.direction == direction
    ]


def test_the_same_devices_stand_beside_each_other() -> None:
    found = twin(gua(), POD, WEB, tcp=443)
    assert places(found) == [
        (POD, POD),
        ("node/node-1", "node/node-1"),
        ("vcn/oke", "vcn/oke"),
        ("natgw/nat", "igw/igw"),
        (WEB, WEB),
    ]
    assert [row.differs for row in found.rows if row.direction == "forward"] == [(), (), (), ("device",), ()]
    side = found.rows[2].ipv6
    assert side is not None
    assert (side.rule, side.nat, side.ttl, side.ended) == ("subnet/pods/route-table#2", (), 62, None)


def test_what_one_family_does_not_reach_stands_alone() -> None:
    found = twin(gua().what_if(NO_DEFAULT), POD, WEB, tcp=443)
    assert places(found)[2:] == [("vcn/oke", "vcn/oke"), ("natgw/nat", None), (WEB, None)]
    assert found.rows[2].differs == ("hop-limit", "ended")
    assert {right for _, right in places(found, "reply")} == {None}


def test_connections_stand_beside_each_other() -> None:
    found = twin(built(), CLIENT, SERVICE)
    assert [(row.connection, str(row.direction)) for row in found.rows if row.ipv4 and row.ipv4.hop == 0] == [
        (1, "forward"),
        (1, "reply"),
        (2, "forward"),
        (2, "reply"),
    ]


def _hops(rows: tuple[AlignedHop, ...], family: Family) -> list[tuple[int, str, int]]:
    sides = [(row, row.ipv4 if family is Family.IPV4 else row.ipv6) for row in rows]
    return [(row.connection, str(row.direction), side.hop) for row, side in sides if side is not None]


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_the_longest_common_subsequence_is_one_and_none_is_longer(one: list[str], other: list[str]) -> None:
    found = longest_common_subsequence(one, other)
    assert all(one[here] == other[there] for here, there in found)
    assert found == sorted(found)
    assert len({here for here, _ in found}) == len({there for _, there in found}) == len(found)
    longest = max(sum(keep) for keep in product((0, 1), repeat=len(one)) if _is_subsequence(_kept(one, keep), other))
    assert len(found) == longest


def _kept(words: list[str], keep: tuple[int, ...]) -> list[str]:
    return [word for word, kept in zip(words, keep, strict=True) if kept]


def _is_subsequence(words: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in words)


# --- what differs --------------------------------------------------------------------------------------------


def test_ula_pods_reach_the_internet_in_one_family() -> None:
    found = twin(sydney(), POD, WEB, tcp=443)
    assert kinds(found) == ["delivery", "rewrite", "gateway"]
    assert text(found, "delivery").startswith("IPv4 is delivered, and the answer came back; IPv6 is not")
    assert found.differences[0].mend == "number subnet/pods and what is in it from 2001:db8:100::/56, which is global"


def test_global_pods_differ_by_the_gateway_and_its_translation() -> None:
    found = twin(gua(), POD, WEB, tcp=443)
    assert kinds(found) == ["rewrite", "gateway"]
    assert text(found, "rewrite").startswith("only IPv4 is rewritten: gateway-snat at natgw/nat turns 100.0.5")
    assert text(found, "gateway") == "IPv4 goes through natgw/nat, IPv6 through igw/igw"
    assert found.alike[0].startswith("the time: p50 one way 5.9 ms")
    assert found.alike[0].endswith("the intervals overlap (estimate, not measured in OCI)")


def test_a_missing_default_route_is_named_beside_the_one_that_is_there() -> None:
    found = twin(gua().what_if(NO_DEFAULT), POD, WEB, tcp=443)
    assert kinds(found)[:2] == ["delivery", "missing-route"]
    assert text(found, "missing-route") == "subnet/pods has 0.0.0.0/0 to natgw/nat but no ::/0"
    assert found.differences[0].mend == "for the Internet, add the rule ::/0: igw/igw to route_tables.pods.rules"


def test_it_is_named_in_the_other_family_and_on_the_way_back_too() -> None:
    without = gua().what_if({'route_tables.pods.rules."0.0.0.0/0"': None})
    assert text(twin(without, POD, WEB, tcp=443), "missing-route") == "subnet/pods has ::/0 to igw/igw but no 0.0.0.0/0"
    lost = gua().what_if({'route_tables.lb.rules."::/0"': None})
    assert text(twin(lost, CLIENT, SERVICE), "missing-route") == "subnet/lb has 0.0.0.0/0 to igw/igw but no ::/0"


def test_a_missing_route_of_a_plain_router_is_no_default_route() -> None:
    found = twin(_routers({"devices.r0.routes": [{"to": "10.1.2.0/24", "via": "10.1.1.2"}]}), "h0", "h2", tcp=80)
    assert text(found, "missing-route") == "device/r0 has 10.1.2.0/24 to device/r1 but no IPv6 route for the same"


def test_a_client_served_in_the_other_family_is_told() -> None:
    found = twin(built(), CLIENT, SERVICE)
    assert kinds(found) == ["rewrite", "family-change", "back-end"]
    assert text(found, "family-change").startswith("the IPv6 client is served over IPv4 behind lb/nginx (")
    assert "a choice of its own" in text(found, "back-end")


def test_a_choice_of_kube_proxys_is_no_matter_of_the_family() -> None:
    found = twin(built(), LOCAL_DNS, SERVICE)
    assert "back-end" in kinds(found)
    assert "device" not in kinds(found)
    assert text(found, "hop-limit") == "packets arrive with a TTL of 62 in IPv4 and a hop limit of 63 in IPv6"


def test_a_device_on_one_familys_way_only_is_told() -> None:
    """IPv6 of the other network goes round by a third router."""
    found = twin(dsflow.load(DETOUR), "a", "b", udp=53)
    assert kinds(found) == ["device", "hop-limit", "mtu"]
    assert text(found, "device") == "IPv4 passes none of them, IPv6 passes device/s"
    assert text(found, "mtu") == "the smallest link on the way takes 1500 bytes in IPv4 and 1400 in IPv6"


def test_answers_may_go_through_another_gateway() -> None:
    """A node that is reached by its public address, but answers IPv4 through the NAT gateway."""
    astray = gua().what_if({**PUBLIC_NODE, 'route_tables.nodes.rules."0.0.0.0/0"': "natgw/nat"})
    found = twin(astray, CLIENT, "node/node-1", tcp=22)
    assert text(found, "gateway") == "IPv4 is answered through natgw/nat, IPv6 through igw/igw"


def test_only_times_apart_are_a_difference() -> None:
    near, far = gua().trace(POD, REMOTE, family=4, tcp=80), gua().trace(POD, WEB, family=6, tcp=443)
    apart = compared(near, far)
    assert text(apart, "latency").startswith("p50 one way is ")
    assert text(apart, "latency").endswith("(estimate, not measured in OCI)")
    assert not any(line.startswith("the time") for line in apart.alike)


def test_the_same_in_both_is_told_too() -> None:
    found = twin(sydney(), POD, REMOTE, tcp=80)
    assert not found.differences
    assert found.alike[0] == "the way: the same devices in the same order, there and back"
    closed = twin(sydney(), POD, REMOTE, tcp=81)
    assert not closed.differences
    assert closed.alike[0].startswith("how it ends: IPv4 is not delivered: no-listener at ")


# --- the client ----------------------------------------------------------------------------------------------


def test_a_ula_pod_takes_ipv4_by_rule_5_and_notices_nothing() -> None:
    choice = (found := twin(sydney(), POD, WEB, tcp=443)).choice
    assert (choice.first, choice.rule, choice.glibc_first) == (Family.IPV4, 5, Family.IPV4)
    assert (choice.outcome, choice.signal) == (Outcome.WORKS, None)
    assert "(labels 13 and 1)" in choice.text[0]
    assert "never notices that IPv6 fails" in told(found)
    assert choice.wait is not None
    assert choice.wait.happy_eyeballs == tuple(found.ipv4.latency.round_trip.p50)


def test_a_global_pod_takes_ipv6_by_rule_6() -> None:
    choice = twin(gua(), POD, WEB, tcp=443).choice
    assert (choice.first, choice.rule, choice.outcome) == (Family.IPV6, 6, Outcome.WORKS)
    assert "2001:db8:ffff::80 has precedence 40, 198.51.100.80 35" in choice.text[0]


def test_two_ula_pods_depend_on_the_c_library() -> None:
    found = twin(sydney(), POD, REMOTE, tcp=80)
    assert (found.choice.first, found.choice.rule, found.choice.glibc_first) == (Family.IPV4, 6, Family.IPV6)
    assert "with glibc tries IPv6 first" in told(found)
    assert "with glibc connects over IPv6" in told(found)


def _median(interval: Interval) -> float:
    return interval[0]


def test_silence_costs_the_attempt_delay_or_all_of_tcps_patience() -> None:
    found = twin(gua().what_if(NO_DEFAULT), POD, WEB, tcp=443)
    choice = found.choice
    assert (choice.first, choice.outcome, choice.signal) == (Family.IPV6, Outcome.FALLS_BACK, Signal.SILENCE)
    assert choice.wait is not None
    trip = _median(tuple(found.ipv4.latency.round_trip.p50))
    assert _median(choice.wait.happy_eyeballs) == pytest.approx(EYEBALLS + trip)
    assert _median(choice.wait.one_by_one) == pytest.approx(PATIENCE + trip)
    assert "a connection takes 250 ms longer" in told(found)
    assert "131 s longer (tcp_syn_retries 6; 127 s before Linux 6.5)" in told(found)


def test_a_lost_answer_is_silence_too() -> None:
    found = twin(gua().what_if({'route_tables.lb.rules."::/0"': None}), CLIENT, SERVICE)
    assert (found.choice.outcome, found.choice.signal) == (Outcome.FALLS_BACK, Signal.SILENCE)
    assert "the answer ends as no-route at vcn/oke" in told(found)
    assert found.choice.wait is not None
    handshake, whole = _median(found.choice.wait.happy_eyeballs) - EYEBALLS, found.ipv4.latency.round_trip.p50
    assert 0 < handshake < _median(tuple(whole)), "a proxy completes the handshake before it dials"


def _routers(changes: dict[str, Any]) -> Simulation:
    return dsflow.load("two-routers").what_if(changes)


def test_an_icmp_error_ends_the_attempt_at_once() -> None:
    """Without its IPv4 route, the first router says so, and IPv4 is what ULA hosts try first."""
    routes = [{"to": "fd00:1:2::/64", "via": "fd00:1:1::2"}]
    found = twin(_routers({"devices.r0.routes": routes}), "h0", "h2", tcp=80)
    choice = found.choice
    assert (choice.first, choice.outcome, choice.signal) == (Family.IPV4, Outcome.FALLS_BACK, Signal.ICMP_ERROR)
    assert choice.wait is not None
    trip = _median(tuple(found.ipv6.latency.round_trip.p50))
    assert _median(choice.wait.happy_eyeballs) == pytest.approx(10_000 + trip), "attempts are 10 ms apart"
    assert trip < _median(choice.wait.one_by_one) < 10_000
    assert "is refused over IPv4 by an ICMP error" in told(found)
    assert "with glibc connects over IPv6" in told(found)


def test_who_asks_for_a_neighbour_in_vain_waits_three_seconds() -> None:
    """RFC 4861 section 10: by its own kernel the client hears of it, and of a router's link by an ICMP error."""
    nobody = {"interfaces": {"e0": {"link": "left", "addresses": ["10.1.0.9/24", "fd00:1::2/64"]}}}
    routes = [{"to": "0.0.0.0/0", "via": "10.1.0.8"}, {"to": "::/0", "via": "fd00:1::1"}]
    own = twin(_routers({"devices.h0": {**nobody, "routes": routes}}), "h0", "h2", tcp=80).choice
    assert (own.first, own.outcome, own.signal) == (Family.IPV4, Outcome.FALLS_BACK, Signal.OWN_LINK)
    missing = [{"to": "10.1.0.0/16", "via": "10.1.1.77"}, {"to": "fd00:1:2::/64", "via": "fd00:1:1::2"}]
    far = twin(_routers({"devices.r0.routes": missing}), "h0", "h2", tcp=80).choice
    assert (far.outcome, far.signal) == (Outcome.FALLS_BACK, Signal.ICMP_ERROR)
    for choice in (own, far):
        assert choice.wait is not None
        assert EYEBALLS < _median(choice.wait.happy_eyeballs) < 2 * EYEBALLS
        assert 3_000_000 < _median(choice.wait.one_by_one) < 3_100_000
        assert any("tries IPv6 after 250 ms already" in line for line in choice.text)


def test_a_reset_from_afar_is_waited_for() -> None:
    """It takes longer than 10 ms and less than 250: both clients wait for it, and then for IPv4."""
    split = gua().what_if({"internet.web.listen": ["tcp/80"], "internet.web.distance_km": 2000})
    ipv6 = split.trace(POD, WEB, family=6, tcp=81)
    found = compared(split.trace(POD, WEB, family=4, tcp=80), ipv6)
    choice = found.choice
    assert (choice.first, choice.outcome, choice.signal) == (Family.IPV6, Outcome.FALLS_BACK, Signal.RESET)
    assert choice.wait is not None
    assert choice.wait.happy_eyeballs == choice.wait.one_by_one
    assert 20_000 < _median(choice.wait.one_by_one) < EYEBALLS
    assert "tries IPv4 then, in all p50" in told(found)


def test_a_way_that_the_client_does_not_have_is_never_tried_first() -> None:
    """Rule 1: the host itself has no IPv4 route."""
    found = twin(_routers({"devices.h0.routes": [{"to": "::/0", "via": "fd00:1::1"}]}), "h0", "h2", tcp=80)
    choice = found.choice
    assert (choice.first, choice.rule, choice.glibc_first) == (Family.IPV6, 1, Family.IPV6)
    assert [offer.usable for offer in choice.offers] == [False, True]
    assert "its own routes lead nowhere in IPv4" in choice.text[0]


def test_a_source_of_one_site_reaches_less_far_than_its_destination() -> None:
    """Rule 2: a host with a deprecated site-local address alone in IPv6 (RFC 3879)."""
    both = [{"to": "fd00:1::/64", "interface": "e0"}]
    addresses = ["10.1.0.2/24", "fec0::2/64"]
    found = twin(
        _routers({"devices.h0.routes": both, "devices.h0.interfaces.e0.addresses": addresses}), "h0", "r0", tcp=179
    )
    assert (found.choice.first, found.choice.rule) == (Family.IPV4, 2)
    assert "the source fec0::2 reaches less far than fd00:1::1" in found.choice.text[0]


def test_without_any_way_both_are_refused_at_once() -> None:
    found = twin(_routers({"devices.h0.routes": []}), "h0", "h2", tcp=80)
    assert (found.choice.outcome, found.choice.signal) == (Outcome.FAILS, Signal.OWN_ROUTES)
    assert "by its own routes" in told(found)


def test_a_proxy_that_accepts_ends_the_race() -> None:
    """The pods listen on port 80; the Service leads to another port: the client is connected and lost."""
    broken = gua().what_if({"services.default/nginx.ports": [{"port": 80, "target_port": 9}]})
    found = twin(broken, CLIENT, SERVICE)
    assert (found.choice.first, found.choice.outcome) == (Family.IPV6, Outcome.LOST_BEHIND_PROXY)
    assert found.choice.wait is not None
    assert "to lb/nginx, a proxy; the packet ends as no-listener" in told(found)
    assert "does not fall back to IPv4: the connection stands" in told(found)
    deaf = broken.what_if({'route_tables.lb.rules."::/0"': None})
    assert twin(deaf, CLIENT, SERVICE).choice.outcome is Outcome.LOST_BEHIND_PROXY
    alone = broken.what_if({"load_balancers.nginx.ipv6": None})
    assert twin(alone, CLIENT, SERVICE).choice.outcome is Outcome.LOST_BEHIND_PROXY


def test_two_failures_leave_nothing() -> None:
    found = twin(gua(), POD, WEB, tcp=81)
    assert (found.choice.outcome, found.choice.signal, found.choice.wait) == (Outcome.FAILS, Signal.RESET, None)
    assert "fails over IPv4 too: the packet ends as no-listener at internet/web" in told(found)


def test_a_far_server_is_raced_for() -> None:
    far = gua().what_if({"internet.web.distance_km": 20000, "internet.web.access": "mobile"})
    found = twin(far, POD, WEB, tcp=443)
    assert found.choice.outcome is Outcome.WORKS
    assert ("with Happy Eyeballs tries IPv4 too after 250 ms" in told(found)) == (
        found.ipv6.latency.round_trip.p50.value > EYEBALLS
    )


@pytest.mark.parametrize(("protocol", "words"), [({"udp": 53}, "UDP has no handshake"), ({"icmp": True}, "a ping")])
def test_without_a_handshake_there_is_no_timer(protocol: dict[str, Any], words: str) -> None:
    found = twin(gua().what_if(NO_DEFAULT), POD, WEB, **protocol)
    assert (found.choice.first, found.choice.outcome, found.choice.wait) == (Family.IPV6, Outcome.FAILS, None)
    assert words in told(found)
    assert "so RFC 8305 sets no timer): IPv4 would answer" in told(found)
    well = twin(gua(), POD, WEB, **protocol)
    assert well.choice.outcome is Outcome.WORKS
    assert "is answered over IPv6" in told(well)
    assert "never notices that IPv6 fails" in told(twin(sydney(), POD, WEB, **protocol))


def test_a_refused_datagram_is_told_as_such() -> None:
    found = twin(gua(), POD, WEB, udp=54)
    assert found.choice.signal is Signal.ICMP_ERROR
    assert "is refused over IPv6 by an ICMP error" in told(found)
    assert "IPv4 fails too" in told(found)


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({}, Outcome.WORKS, "is answered over IPv4"),
        ({"gateways.nat.enabled": False}, Outcome.FAILS, "fails over IPv4 and has nothing to fall back to"),
    ],
)
def test_with_one_family_there_is_no_choice(changes: dict[str, Any], outcome: Outcome, words: str) -> None:
    single = gua().what_if({"internet.web.ipv6": None, **changes})
    choice = (found := twin(single, POD, WEB, tcp=443)).choice
    assert (choice.first, choice.rule, choice.outcome) == (None, None, outcome)
    assert choice.text[0] == "has no choice but IPv4: internet/web has no IPv6 address"
    assert words in told(found)


def test_what_the_model_cannot_tell_is_said() -> None:
    asked = twin(sydney(), POD, SERVICE)
    assert asked.choice.outcome is Outcome.UNDETERMINED
    assert told(asked).startswith("cannot be told: the article does not say")
    unknown = gua()
    away = unknown.trace(POD, "192.0.2.9", family=4, tcp=80), unknown.trace(POD, "2001:db8:eeee::9", family=6, tcp=80)
    assert "may or may not connect over IPv6: the model cannot tell" in told(compared(*away))
    lost = gua().what_if(NO_DEFAULT).trace(POD, WEB, family=6, tcp=80)
    assert "falls back to IPv4, which may or may not answer" in told(compared(away[0], lost))
    udp = unknown.trace(POD, "192.0.2.9", family=4, udp=53), unknown.trace(POD, "2001:db8:eeee::9", family=6, udp=53)
    assert "may or may not be answered over IPv6" in told(compared(*udp))


def test_a_packet_that_is_too_big_ends_no_attempt() -> None:
    """TCP would send smaller ones, which nobody asked for."""
    found = twin(_routers({}), "h0", "h2", tcp=80, size=1500, df=True)
    assert found.choice.outcome is Outcome.UNDETERMINED


def test_two_ends_without_a_common_family_have_nothing_to_try() -> None:
    apart = gua().what_if({"internet.web.ipv6": None, f"pods.{POD.removeprefix('pod/')}.ipv4": None})
    choice = twin(apart, POD, WEB, tcp=443).choice
    assert (choice.offers, choice.outcome) == ((), Outcome.FAILS)
    assert choice.text[0].startswith("has nothing to try: ")


# --- as a whole ----------------------------------------------------------------------------------------------


def test_it_is_text_html_and_data() -> None:
    found = dsflow.twin(gua(), POD, WEB, tcp=443)
    lines = str(found).splitlines()
    assert lines[0] == f"IPv4 beside IPv6: {POD} to {WEB}"
    assert "          *   natgw/nat, gateway-snat                         igw/igw" in lines
    assert "What differs, the gravest first" in lines
    assert "A client that knows both addresses" in lines
    assert "<table>" in found._repr_html_()
    data = json.loads(json.dumps(found.to_json()))
    assert data["schema"] == "dsflow.twin/1"
    assert [(one["rank"], one["kind"]) for one in data["differences"]] == [(1, "rewrite"), (2, "gateway")]
    assert data["choice"]["offers"][1]["destination"] == "2001:db8:ffff::80"


def test_an_answer_that_is_the_same_or_missing_takes_one_line() -> None:
    alike = str(twin(sydney(), POD, DNS)).splitlines()
    assert any(re.fullmatch(r"reply +the same devices +the same devices", line) for line in alike)
    lost = str(twin(sydney(), POD, WEB, tcp=443)).splitlines()
    assert any(line.startswith("reply     *   internet/web > natgw/nat > ") for line in lost)


def pairs(simulation: Simulation) -> Iterator[Twin]:
    for asked in questions(simulation, pairs=1, families=(4,), every=({}, {"tcp": 9}, {"udp": 53})):
        if "/" in asked.target:
            yield twin(simulation, asked.origin, asked.target, **asked.options)


@settings(max_examples=15)
@given(clusters(), st.randoms(use_true_random=False), st.booleans())
def test_laws_over_any_cluster(data: dict[str, Any], random: Random, built: bool) -> None:
    """Every hop stands in one row, gravity falls, and what becomes of the client follows from the chains."""
    ranks = list(DifferenceKind)
    for found in pairs(dsflow.load(as_built(random, data) if built else data)):
        for family, chain in ((Family.IPV4, found.ipv4), (Family.IPV6, found.ipv6)):
            every = sorted((t.connection, str(t.direction), hop.index) for t in chain.traces for hop in t.hops)
            assert sorted(_hops(found.rows, family)) == every
        order = [ranks.index(difference.kind) for difference in found.differences]
        assert order == sorted(order)
        choice = found.choice
        if choice.first is not None:
            first, second = (found.ipv4, found.ipv6)[:: 1 if choice.first is Family.IPV4 else -1]
            assert (choice.outcome is Outcome.WORKS) == first.succeeded
            if choice.outcome is Outcome.FALLS_BACK:
                assert second.succeeded
            assert (choice.wait is not None) >= (choice.outcome in (Outcome.WORKS, Outcome.FALLS_BACK))


@settings(max_examples=10)
@given(clusters())
def test_no_chain_differs_from_itself(data: dict[str, Any]) -> None:
    simulation = dsflow.load(data)
    for asked in questions(simulation, pairs=1):
        chain = asked.of(simulation)
        assert not differences(chain, chain)
        assert not any(row.differs for row in aligned_hops(chain, chain))
