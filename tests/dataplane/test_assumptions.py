"""Assumptions that a scenario switches: each modelled alternative changes what it is about, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.errors import NotModelledError
from dsflow.lab.plan import make_plan
from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.trace.chain import Chain
from tests.cases import AS_BUILT, CLIENT, DNS, LOCAL_DNS, MATE, POD, PUBLIC_NODE, REMOTE, SERVICE, WEB
from tests.scenario.helpers import problems

BOTH = pytest.mark.parametrize("family", [4, 6])


def taken(
    assumption: str, value: str, base: str | dict[str, Any] = "oke-sydney-gua", more: dict[str, Any] | None = None
) -> Simulation:
    return dsflow.load(base).what_if({"assumptions": {assumption: value}, **(more or {})})


def ttls(chain: Chain) -> list[int]:
    return [hop.header_in.ttl for hop in chain.traces[0].hops if hop.header_in is not None]


@BOTH
def test_a_vcn_that_leaves_the_hop_limit_alone(family: int) -> None:
    """Nodes lower it all the same, and what expires on the VCN's way no longer does."""
    usual, other = dsflow.load("oke-sydney-gua"), taken("vcn-lowers-ttl", "leaves")
    assert ttls(usual.trace(POD, WEB, family=family, tcp=443)) == [64, 63, 62, 61]
    chain = other.trace(POD, WEB, family=family, tcp=443)
    assert ttls(chain) == [64, 63, 63, 63]
    assert "vcn-lowers-ttl" in chain.assumptions
    assert usual.trace(POD, WEB, family=family, tcp=443, ttl=2).disposition == "hop-limit-exceeded"
    assert other.trace(POD, WEB, family=family, tcp=443, ttl=2).succeeded


@BOTH
def test_a_fabric_that_tells_nobody(family: int) -> None:
    for asked in ({"ttl": 2, "tcp": 443}, {"udp": 53, "size": 4000, "df": True if family == 4 else None}):
        usual = dsflow.load("oke-sydney-gua").trace(POD, WEB, family=family, **asked)
        silent = taken("fabric-sends-icmp-errors", "silent").trace(POD, WEB, family=family, **asked)
        assert silent.disposition == usual.disposition
        assert [str(trace.direction) for trace in usual.traces] == ["forward", "error"]
        assert [str(trace.direction) for trace in silent.traces] == ["forward"]
        assert silent.forward.reason.endswith("; nobody is told")


@BOTH
def test_pods_that_leave_by_the_primary_vnic_fail_its_source_check(family: int) -> None:
    other = taken("pod-vnic-carries-pod-traffic", "primary-vnic")
    assert other.trace(POD, REMOTE, family=family, tcp=80).disposition == "source-check-failed"
    assert other.trace(POD, MATE, family=family, tcp=80).succeeded


@BOTH
def test_a_proxy_that_always_dials_ipv4_in_the_article(family: int) -> None:
    chain = taken("proxy-keeps-family", "always-ipv4").trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.succeeded
    assert chain.forward.family == 4


def test_health_checks_that_are_answered_in_ipv4_only() -> None:
    """A network load balancer is left without IPv6 back ends; a flexible one asks in IPv4 anyway."""
    own = taken("kube-proxy-health-in-ipv6", "ipv4-only", base="oke-sydney-as-built")
    for family, network in ((4, "delivered"), (6, "no-backend")):
        chain = own.trace(CLIENT, "service/default/direct", family=family, tcp=80)
        assert chain.disposition == network
        assert ("kube-proxy-health-in-ipv6" in chain.assumptions) == (family == 6)
        assert own.trace(CLIENT, SERVICE, family=family, tcp=80).succeeded
        asked = taken("kube-proxy-health-in-ipv6", "ipv4-only", base=AS_BUILT)
        told = asked.trace("node/node-2", "node/node-1", family=family, tcp=10256)
        assert told.disposition == ("delivered" if family == 4 else "no-listener")
        assert ("kube-proxy-health-in-ipv6" in told.assumptions) == (family == 6)


@BOTH
def test_rules_of_a_network_load_balancers_back_ends_are_stateful(family: int) -> None:
    """Written stateless, the node's rules would lose the answers: no egress rule lets those out."""
    clients: dict[str, Any] = {"from": "0.0.0.0/0" if family == 4 else "::/0", "protocol": "tcp", "stateless": True}
    changes = {
        "nsgs.nodes": {"ingress": [clients], "egress": [{"to": "100.0.5.0/24"}, {"to": "2001:db8:100:4::/64"}]},
    }
    rests = "nlb-back-ends-are-stateful"
    usual = dsflow.load("oke-sydney-as-built").what_if(changes)
    chain = usual.trace(CLIENT, "service/default/direct", family=family, tcp=80)
    assert chain.succeeded
    assert rests in chain.assumptions
    told = [step for hop in chain.traces[0].hops for step in hop.steps if step.assumption == rests]
    assert {(step.evidence, "though written stateless" in step.reason) for step in told} == {("third-party", True)}
    written = taken(rests, "as-written", base="oke-sydney-as-built", more=changes)
    lost = written.trace(CLIENT, "service/default/direct", family=family, tcp=80)
    assert lost.disposition == "no-backend"  # the answers to health checks are lost as well
    alone = usual.what_if({"services.default/direct": None, "load_balancers.direct": None, "expect": None})
    assert rests not in alone.trace(CLIENT, SERVICE, family=family, tcp=80).assumptions


@BOTH
def test_policies_that_nobody_enforces(family: int) -> None:
    policy: dict[str, Any] = {"network_policies": {"default/p": {}}}
    assert (
        taken("policies-are-enforced", "enforced", more=policy)
        .trace(DNS, POD, family=family, tcp=80)
        .disposition.is_denial
    )
    assert taken("policies-are-enforced", "ignored", more=policy).trace(DNS, POD, family=family, tcp=80).succeeded


@BOTH
def test_policies_that_leave_icmp_alone(family: int) -> None:
    other = taken("policies-hold-for-icmp", "icmp-passes", more={"network_policies": {"default/p": {}}})
    chain = other.trace(DNS, POD, family=family, icmp=True)
    assert chain.succeeded
    assert "policies-hold-for-icmp" in chain.assumptions
    assert other.trace(DNS, POD, family=family, tcp=80).disposition.is_denial


@BOTH
def test_answers_by_the_pod_vnic_are_lost(family: int) -> None:
    other = taken("service-answers-by-primary-vnic", "pod-vnic", AS_BUILT)
    chain = other.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.round_trip == "return-lost"
    assert chain.failed is not None
    assert chain.failed.disposition == "source-check-failed"


@BOTH
def test_a_kube_proxy_that_does_not_know_pods(family: int) -> None:
    """Under Local a pod that asks a node port is then led to the end points of its own node alone, or nowhere."""
    local = {"services.default/nginx.external_traffic_policy": "Local"}
    asker = "pod/kube-system/coredns-bfd957d6b-w2tgj"  # on node-3, where no end point is
    for value, disposition in (("detects", "delivered"), ("does-not-detect", "no-backend")):
        simulation = taken("kube-proxy-knows-pods", value, AS_BUILT, local)
        assert simulation.trace(asker, "node/node-3", family=family, tcp=31080).disposition == disposition
        assert simulation.trace(LOCAL_DNS, "node/node-1", family=family, tcp=31080).disposition == "delivered"


NETWORK: dict[str, Any] = {
    "load_balancers.direct": {"kind": "network", "ipv4": "100.0.2.11", "ipv6": "2001:db8:100:2::11"},
    "services.default/direct": {
        "type": "LoadBalancer",
        "selector": {"app": "nginx"},
        "ports": [{"port": 80, "node_port": 31099}],
        "load_balancer": "lb/direct",
        "external_traffic_policy": "Local",
    },
}


def through(assumption: str, value: str, family: int) -> Chain:
    """What becomes of a pod's question to a network load balancer that keeps its client's address."""
    simulation = taken(assumption, value, AS_BUILT, NETWORK)
    address = "100.0.2.11" if family == 4 else "2001:db8:100:2::11"
    return simulation.trace("lb/nginx", address, family=family, tcp=80)


@BOTH
def test_answers_that_are_routed_past_the_network_load_balancer(family: int) -> None:
    """The client gets an answer from somebody whom it never asked."""
    assert through("nlb-return-path", "returned", family).succeeded
    chain = through("nlb-return-path", "routed", family)
    assert (chain.disposition, chain.round_trip) == ("delivered", "return-lost")


@BOTH
def test_a_network_load_balancer_that_lowers_the_hop_limit(family: int) -> None:
    ttl = {value: ttls(through("nlb-keeps-ttl", value, family))[-1] for value in ("leaves", "lowers")}
    assert ttl["lowers"] == ttl["leaves"] - 1


@BOTH
def test_nodes_without_the_label_are_no_back_ends_in_ipv6(family: int) -> None:
    assert through("nodes-bear-ipv6-label", "bears", family).succeeded
    expected = "delivered" if family == 4 else "no-backend"
    assert through("nodes-bear-ipv6-label", "does-not-bear", family).disposition == expected


TWO_VNICS: dict[str, Any] = {
    "subnets.more": {
        "ipv4": "100.0.9.0/24",
        "ipv6": ["2001:db8:100:9::/64"],
        "access": "public",
        "route_table": "pods",
    },
    "pods.default/other": {
        "node": "node-1",
        "ipv4": "100.0.9.5",
        "ipv6": "2001:db8:100:9::5",
        "listen": ["tcp/80"],
    },
}
"""A pod beside POD on its node, behind a VNIC of its own."""


@BOTH
def test_pods_of_one_node_that_meet_by_way_of_both_vnics(family: int) -> None:
    """Inside the node no VNIC is asked; between VNICs both are, and the VCN routes."""
    other, guarded = "pod/default/other", {"security_lists.none": {}, "subnets.more.security_lists": ["none"]}
    for value, devices, denied in (("skips", 3, "delivered"), ("judged-between-vnics", 5, "denied-ingress")):
        simulation = taken("same-node-skips-nsg", value, more=TWO_VNICS)
        chain = simulation.trace(POD, other, family=family, tcp=80)
        assert (len(chain.traces[0].hops), chain.round_trip, chain.path_type) == (devices, "delivered", "same-node")
        assert "same-node-skips-nsg" in chain.assumptions
        there = simulation.what_if(guarded).trace(POD, other, family=family, tcp=80)
        assert there.disposition == denied
        mate = simulation.trace(POD, MATE, family=family, tcp=80)
        assert (len(mate.traces[0].hops), "same-node-skips-nsg" in mate.assumptions) == (3, False)


@BOTH
def test_what_is_masqueraded_by_a_pod_vnic_fails_its_source_check(family: int) -> None:
    asker = "pod/kube-system/coredns-bfd957d6b-w2tgj"  # on node-3, where no end point is
    for value, disposition in (("primary-vnic", "delivered"), ("pod-vnic-and-dropped", "source-check-failed")):
        chain = taken("masqueraded-leaves-by-primary-vnic", value, AS_BUILT).trace(
            asker, "node/node-3", family=family, tcp=31080
        )
        assert chain.disposition == disposition
        assert "masqueraded-leaves-by-primary-vnic" in chain.assumptions


@BOTH
def test_a_network_load_balancer_that_draws_source_ports(family: int) -> None:
    hiding = {
        **NETWORK,
        "services.default/direct": {**NETWORK["services.default/direct"], "external_traffic_policy": "Cluster"},
    }
    for value, kept in (("keeps", True), ("draws-one", False)):
        simulation = taken("nlb-keeps-source-port", value, AS_BUILT, hiding)
        address = "100.0.2.11" if family == 4 else "2001:db8:100:2::11"
        chain = simulation.trace("lb/nginx", address, family=family, tcp=80)
        hidden = next(row for row in chain.nat_applied if row.kind.value == "load-balancer-snat")
        assert hidden.before is not None
        assert hidden.after is not None
        assert (hidden.before.sport == hidden.after.sport) == kept
        assert chain.round_trip == "delivered"
        assert "nlb-keeps-source-port" in chain.assumptions


def test_private_addresses_that_somebody_on_the_internet_routes() -> None:
    """In IPv4: no source lets unique local IPv6 addresses cross the Internet."""
    for value, disposition in (("drops", "scope-unroutable"), ("leaks", "left-model")):
        chain = taken("ipv4-private-in-internet", value).trace(POD, "192.168.7.7", family=4, tcp=80)
        assert chain.disposition == disposition
        assert "ipv4-private-in-internet" in chain.assumptions
    assert (
        taken("ipv4-private-in-internet", "leaks").trace(POD, "fd99::1", family=6, tcp=80).disposition
        == "scope-unroutable"
    )


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([{"protocol": "tcp"}], False),
        ([{}], True),
        ([{"protocol": "tcp"}, {"protocol": "icmpv6"}], True),
        (
            [{"protocol": "tcp"}, {"protocol": "icmpv6", "icmp_type": 135}, {"protocol": "icmpv6", "icmp_type": 136}],
            True,
        ),
        ([{"protocol": "tcp"}, {"protocol": "icmpv6", "icmp_type": 135}], False),
    ],
)
def test_neighbor_discovery_that_security_rules_judge(rules: list[dict[str, Any]], found: bool) -> None:
    both = [
        {"to": net, **rule}
        for rule in rules
        for net in ("0.0.0.0/0", "::/0")
        if "icmpv6" not in str(rule) or net == "::/0"
    ]
    guarded = {
        "security_lists.pods": {
            "ingress": [{"from": r["to"], **{k: v for k, v in r.items() if k != "to"}} for r in both],
            "egress": both,
        },
        "subnets.pods.security_lists": ["pods"],
    }
    for value in ("passes", "judged"):
        simulation = taken("ndp-passes-security-rules", value, more=guarded)
        assert simulation.trace(POD, REMOTE, family=4, tcp=80).round_trip == "delivered"
        chain = simulation.trace(POD, REMOTE, family=6, tcp=80)
        assert chain.disposition == ("delivered" if found or value == "passes" else "neighbor-unreachable")
        assert "ndp-passes-security-rules" in chain.assumptions
    ignoring = taken("ndp-passes-security-rules", "judged", more=guarded)
    assert ignoring.trace(POD, REMOTE, family=6, tcp=80, ignore_policy=True).disposition == "delivered"


def test_public_addresses_that_are_exchanged_at_the_vnics() -> None:
    """The gateway sees them already; where both ends are in the VCN, the packet still crosses it."""
    for value, device in (("at-gateway", "igw/igw"), ("at-vnic", "vcn/oke")):
        simulation = taken(
            "igw-rewrites-at-edge", value, more={**PUBLIC_NODE, "nodes.node-2.public_ipv4": "203.0.113.78"}
        )
        for origin, target, port in (
            (CLIENT, SERVICE, 80),
            ("node/node-1", WEB, 443),
            ("node/node-1", "203.0.113.20", 80),
            (CLIENT, "node/node-1", 22),
        ):
            chain = simulation.trace(origin, target, family=4, tcp=port)
            assert chain.round_trip == "delivered"
            assert {row.device for row in chain.nat_applied if row.kind.value == "public-ip-one-to-one"} == {device}
            assert "igw-rewrites-at-edge" in chain.assumptions
        bare = simulation.what_if({'route_tables.pods.rules."0.0.0.0/0"': "igw/igw"}).trace(POD, WEB, family=4, tcp=443)
        assert (bare.disposition, bare.traces[0].hops[-1].device) == ("no-public-address", device)
        assert simulation.trace(POD, WEB, family=6, tcp=443).nat_applied == ()


@BOTH
@pytest.mark.parametrize("base", ["oke-sydney-gua", "oke-sydney-as-built"])
def test_pods_that_a_node_hides_are_hidden_behind_what_nobody_knows(base: str, family: int) -> None:
    """Inside the VCN they are themselves, and what answers a connection from outside is not hidden."""
    other = taken("node-masquerade-off", "on", base)
    chain = other.trace(POD, WEB, family=family, tcp=443)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == ("undetermined", "node/node-1")
    assert "node-masquerade-off" in chain.assumptions
    assert other.trace(POD, REMOTE, family=family, tcp=80).round_trip == "delivered"
    assert other.trace("node/node-1", WEB, family=family, tcp=443).disposition != "undetermined"
    if base == "oke-sydney-gua" and family == 6:
        assert other.trace(CLIENT, POD, family=6, tcp=80).round_trip == "delivered"


def test_ipv6_rules_to_nat_gateways_that_oci_refuses() -> None:
    """What is not there diverts nothing: another rule serves, or none."""
    led = {'route_tables.pods.rules."::/0"': "natgw/nat"}
    narrow = {'route_tables.pods.rules."2001:db8:ffff::/48"': "natgw/nat"}
    for value, alone, beside in (
        ("taken", "family-unavailable", "family-unavailable"),
        ("refused", "no-route", "delivered"),
    ):
        chain = taken("ipv6-rules-to-nat-gateways", value, more=led).trace(POD, WEB, family=6, tcp=443)
        assert chain.disposition == alone
        assert "ipv6-rules-to-nat-gateways" in chain.assumptions
        assert (
            taken("ipv6-rules-to-nat-gateways", value, more=narrow).trace(POD, WEB, family=6, tcp=443).disposition
            == beside
        )
        assert taken("ipv6-rules-to-nat-gateways", value, more=led).trace(POD, WEB, family=4, tcp=443).succeeded


def test_what_cannot_be_taken_is_told_with_what_can() -> None:
    assumptions = {"vcn-lowers-ttl": "raises", "kube-proxy-mode": "ipvs", "vcn-lowers-tll": "leaves"}
    assert problems({"assumptions": assumptions}) == [
        'assumptions.vcn-lowers-ttl: "raises": expected lowers or leaves',
        'assumptions.kube-proxy-mode: "ipvs", which is not modelled: expected iptables or nftables',
        'assumptions.vcn-lowers-tll: "vcn-lowers-tll": there is no assumption of that name; '
        'did you mean "vcn-lowers-ttl"?',
    ]


def test_what_is_modelled_is_an_alternative_and_no_default() -> None:
    for entry in ASSUMPTIONS.values():
        assert set(entry.modelled) <= set(entry.alternatives)
        assert entry.default not in entry.alternatives
        assert entry.alternatives


def test_the_lab_stands_in_for_the_defaults_only() -> None:
    with pytest.raises(NotModelledError, match="vcn-lowers-ttl: the lab's stand-ins"):
        make_plan(taken("vcn-lowers-ttl", "leaves").topology)
    make_plan(taken("vcn-lowers-ttl", "lowers").topology)
