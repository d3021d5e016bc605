"""Network load balancers: what they rewrite, whom a pod sees, how answers come back, and what is refused."""

from __future__ import annotations

import json
from collections import defaultdict
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

import dsflow
from dsflow import Simulation
from dsflow.lab.beyond import beyond_twins
from dsflow.lab.plan import make_plan
from dsflow.lab.probe import Probe
from dsflow.net.packet import Header
from dsflow.trace.chain import Chain
from dsflow.trace.text import chain_text
from tests.cases import AS_BUILT, arrived, left, way

SERVICE, CLIENT, BALANCER = "service/default/nginx", "internet/client", "lb/nginx"
NODES = {"node/node-1", "node/node-2", "node/node-3"}
OWN = "services.default/nginx"
NLB = "oci-network-load-balancer.oraclecloud.com"
VIPS = {4: "100.0.2.10", 6: "2001:db8:100:2::10"}
CLIENTS = {4: "198.51.100.7", 6: "2001:db8:ffff::7"}
LOCAL = (f"{OWN}.external_traffic_policy", "Local")
LABEL = "oci.oraclecloud.com/ip-family-ipv6"
BOTH = pytest.mark.parametrize("family", [4, 6])


@cache
def _built(changes: str) -> Simulation:
    wanted = {"load_balancers.nginx.kind": "network", **json.loads(changes)}
    return dsflow.load(AS_BUILT).what_if(wanted)


def built(*changes: tuple[str, Any]) -> Simulation:
    """The as-built cluster with a network load balancer in front, made once for all tests."""
    return _built(json.dumps(dict(changes)))


def annotated(simulation: Simulation, **annotations: str) -> Simulation:
    return simulation.what_if({f"{OWN}.annotations": {f"{NLB}/{key}": value for key, value in annotations.items()}})


def asked(simulation: Simulation, family: int, sport: int = 40000) -> Chain:
    return simulation.trace(CLIENT, SERVICE, family=family, tcp=80, sport=sport)


def kinds(chain: Chain, device: str = BALANCER, direction: str = "forward") -> list[str]:
    return [row.kind.value for row in chain.nat_applied if row.device == device and row.direction == direction]


def at(chain: Chain, kind: str, trace: int = 0) -> Header:
    """What the first device of a kind received."""
    return arrived(next(hop for hop in chain.traces[trace].hops if hop.kind == kind and hop.index))


@BOTH
def test_full_translation_hides_the_client_in_either_family(family: int) -> None:
    """One connection, the client's family throughout: the node sees the load balancer, the pod a node."""
    chain = asked(built(), family)
    assert (chain.disposition, chain.round_trip, {trace.connection for trace in chain.traces}) == (
        "delivered", "delivered", {1},
    )  # fmt: skip
    assert {int(trace.family) for trace in chain.traces} == {family}
    assert kinds(chain) == ["load-balancer-dnat", "load-balancer-snat"]
    assert kinds(chain, direction="reply") == ["load-balancer-snat", "load-balancer-dnat"]
    assert (at(chain, "node").src, at(chain, "node").dport) == (VIPS[family], 31080)
    answer = arrived(chain.traces[1].hops[-1])
    assert (answer.sport, answer.dst, answer.dport) == (80, CLIENTS[family], 40000)
    assert {row.outcome for row in chain.nat_ledger if row.device == BALANCER} == {"applied"}


@BOTH
def test_the_hop_limit_passes_a_network_load_balancer_unchanged(family: int) -> None:
    """Which no source tells, so that the chain says it rests on it."""
    chain = asked(built(), family)
    hop = next(hop for hop in chain.traces[0].hops if hop.device == BALANCER)
    assert arrived(hop).ttl == left(hop).ttl == 62
    assert "nlb-keeps-ttl" in chain.assumptions
    assert (hop.in_interface, hop.out_interface) == ("eth0", "eth0")


@BOTH
def test_under_local_the_pod_sees_the_client_and_the_answer_goes_by_the_load_balancer(family: int) -> None:
    """Though the nodes' subnet has no route there by which it could go back to the client."""
    chain = asked(built(LOCAL), family)
    assert chain.round_trip == "delivered"
    assert kinds(chain) == ["load-balancer-dnat"]
    assert (at(chain, "pod").src, at(chain, "pod").sport) == (CLIENTS[family], 40000)
    assert way(chain.traces[1])[-4:] == [BALANCER, "vcn/oke", "igw/igw", CLIENT]
    fabric = next(hop for hop in chain.traces[1].hops if hop.kind == "vcn")
    assert (fabric.in_interface, fabric.out_interface) == ("subnet/nodes", BALANCER)
    assert "nlb-return-path" in chain.assumptions
    text = chain_text(chain)
    assert "sees the client itself" in text


@BOTH
def test_who_asks_a_node_port_itself_is_not_answered_by_way_of_the_load_balancer(family: int) -> None:
    """Only what the load balancer handed on is brought back to it."""
    simulation = built(LOCAL)
    node = simulation.topology.nodes["node-2"]
    chain = simulation.trace("node/node-3", str(node.ipv4 if family == 4 else node.ipv6), family=family, tcp=31080)
    assert chain.round_trip == "delivered"
    assert BALANCER not in way(chain.traces[1])


@BOTH
def test_errors_about_what_was_handed_on_come_back_the_same_way(family: int) -> None:
    """A closed UDP port behind a listener: the port unreachable reaches the client from the VIP."""
    simulation = built(LOCAL, (f"{OWN}.ports", [{"port": 53, "target_port": 9, "protocol": "udp"}]))
    chain = simulation.trace(CLIENT, SERVICE, family=family, udp=53)
    error = chain.traces[-1]
    assert (chain.disposition, error.direction, error.disposition) == ("no-listener", "error", "delivered")
    assert BALANCER in way(error)
    assert error.hops[-1].device == CLIENT


@BOTH
def test_preserving_the_source_can_be_turned_off(family: int) -> None:
    chain = asked(annotated(built(LOCAL), **{"is-preserve-source": "false"}), family)
    assert kinds(chain) == ["load-balancer-dnat", "load-balancer-snat"]
    assert at(chain, "pod").src == VIPS[family]


@BOTH
def test_every_healthy_node_is_as_likely_as_another(family: int) -> None:
    branches = built().branches(CLIENT, SERVICE, family=family, tcp=80)
    chosen: defaultdict[str, Fraction] = defaultdict(Fraction)
    for branch in branches:
        chosen[next(hop.device for hop in branch.chain.traces[0].hops if hop.kind == "node")] += branch.probability
    assert set(chosen) == NODES
    assert len(set(chosen.values())) == 1
    local = built(LOCAL).branches(CLIENT, SERVICE, family=family, tcp=80)
    first = {next(hop.device for hop in branch.chain.traces[0].hops if hop.kind == "node") for branch in local}
    assert first == NODES - {"node/node-3"}


@BOTH
@pytest.mark.parametrize(("policy", "spread"), [("FIVE_TUPLE", 3), ("THREE_TUPLE", 1), ("TWO_TUPLE", 1)])
def test_what_the_hash_leaves_out_changes_nothing(family: int, policy: str, spread: int) -> None:
    """Source ports count among five fields only."""
    simulation = annotated(built(), **{"backend-policy": policy})
    chains = [asked(simulation, family, sport) for sport in range(20000, 20040)]
    assert len({at(chain, "node").dst for chain in chains}) == spread


def test_two_fields_are_one_for_all_protocols_and_three_are_not() -> None:
    """Over clients, protocol by protocol."""
    ports = [{"port": 80, "node_port": 31080}, {"port": 53, "protocol": "udp", "target_port": 80}]
    base = built((f"{OWN}.ports", ports))
    for policy, same in (("TWO_TUPLE", True), ("THREE_TUPLE", False)):
        simulation = annotated(base, **{"backend-policy": policy})
        pairs = []
        for number in range(1, 30):
            source = f"198.51.100.{number}"
            tcp = simulation.trace(CLIENT, SERVICE, family=4, tcp=80, source=source)
            udp = simulation.trace(CLIENT, SERVICE, family=4, udp=53, source=source)
            pairs.append((at(tcp, "node").dst, at(udp, "node").dst))
        assert all(one == other for one, other in pairs) == same


@BOTH
def test_a_session_keeps_its_back_end(family: int) -> None:
    with built().session() as session:
        ways = {tuple(way(session.trace(CLIENT, SERVICE, family=family, tcp=80).traces[0])) for _ in range(3)}
    assert len(ways) == 1


@BOTH
def test_a_segment_of_no_connection_is_dropped(family: int) -> None:
    """As after a connection was idle for too long; within a session it goes to the back end of its connection."""
    ip = IP if family == 4 else IPv6
    front = "203.0.113.20" if family == 4 else VIPS[6]
    stray = ip(src=CLIENTS[family], dst=front) / TCP(sport=40000, dport=80, flags="A")
    lost = built().send(CLIENT, stray)
    assert (lost.disposition, lost.traces[0].hops[-1].device, len(lost.traces)) == ("no-listener", BALANCER, 1)
    with built().session() as session:
        session.trace(CLIENT, SERVICE, family=family, tcp=80)
        assert session.send(CLIENT, stray).traces[0].hops[-1].kind == "pod"


@BOTH
def test_the_load_balancers_own_questions_are_answered(family: int) -> None:
    chain = built().trace(BALANCER, "node/node-1", family=family, tcp=10256)
    assert chain.round_trip == "delivered"


@BOTH
def test_two_clients_with_one_port_are_told_apart(family: int) -> None:
    """The second one gets another source port towards the same back end."""
    simulation = annotated(built(LOCAL), **{"is-preserve-source": "false", "backend-policy": "TWO_TUPLE"})
    other = {4: "198.51.100.9", 6: "2001:db8:ffff::9"}[family]
    with simulation.session() as session:
        for number in range(1, 40):
            source = other[:-1] + f"{number:x}" if family == 6 else f"198.51.100.{number}"
            session.trace(CLIENT, SERVICE, family=family, tcp=80, source=source)
        chain = session.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.round_trip == "delivered"
    assert at(chain, "node").sport != 40000


@BOTH
def test_its_address_answers_no_ping_and_no_other_port(family: int) -> None:
    for options in ({"icmp": True}, {"tcp": 81}, {"udp": 80}):
        chain = built().trace(CLIENT, BALANCER, family=family, **options)
        assert (chain.disposition, len(chain.traces), chain.traces[0].hops[-1].device) == ("no-listener", 1, BALANCER)


@BOTH
def test_without_a_healthy_node_there_is_no_back_end_unless_it_fails_open(family: int) -> None:
    empty = built(LOCAL, (f"{OWN}.selector.app", "nothing"))
    chain = asked(empty, family)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == ("no-backend", BALANCER)
    assert "no node passes the health check" in chain.traces[0].reason
    opened = asked(empty.what_if({"load_balancers.nginx.is_fail_open": True}), family)
    assert opened.traces[0].hops[-1].kind == "node"
    assert opened.disposition == "no-backend"


def test_an_ipv6_address_without_ipv6_back_ends_leads_nowhere() -> None:
    """The load balancer's subnet gives the address, the nodes' subnets and labels the back ends."""
    bare = {f"nodes.node-{number}.ipv6": None for number in (1, 2, 3)}
    host_pods = built().what_if({**bare, "subnets.nodes.ipv6": []})
    chain = asked(host_pods, 6)
    assert chain.disposition == "no-backend"
    assert "subnet/nodes of the nodes has no IPv6 prefix" in chain.traces[0].reason
    assert asked(host_pods, 4).round_trip == "delivered"
    assert any("no listener" in str(finding) for finding in host_pods.topology.findings)


def test_a_node_without_the_label_is_no_ipv6_back_end() -> None:
    assert "nodes-bear-ipv6-label" in asked(built(), 6).assumptions
    labelled = built(LOCAL).what_if({"nodes.node-2.labels": {LABEL: "true"}})
    chain = asked(labelled, 6)
    assert at(chain, "node").dst == str(labelled.topology.nodes["node-2"].ipv6)
    assert "nodes-bear-ipv6-label" not in chain.assumptions
    nobody = built().what_if({"nodes.node-1.labels": {"zone": "a"}})
    assert asked(nobody, 6).disposition == "no-backend"
    assert LABEL in asked(nobody, 6).traces[0].reason
    assert asked(nobody, 4).round_trip == "delivered"


def test_end_points_on_nodes_that_are_no_back_ends_serve_nobody() -> None:
    """Under Local: node-3 bears the label, and the pods are on the others."""
    chain = asked(built(LOCAL).what_if({"nodes.node-3.labels": {LABEL: "true"}}), 6)
    assert chain.disposition == "no-backend"
    assert "no end point stays on a node that is a back end" in chain.traces[0].reason


def test_a_single_stack_ipv6_service_is_served() -> None:
    """By a load balancer that may have no IPv4 address; the other family is not the Service's."""
    only = built((f"{OWN}.cluster_ipv4", None))
    assert asked(only, 6).round_trip == "delivered"
    chain = asked(only, 4)
    assert (chain.disposition, "does not serve IPv4" in chain.traces[0].reason) == ("family-unavailable", True)
    lone = only.what_if({"load_balancers.nginx.ipv4": None, "load_balancers.nginx.public_ipv4": None, "expect": []})
    assert asked(lone, 6).round_trip == "delivered"
    chain = asked(lone, 4)
    assert (chain.disposition, chain.traces[0].reason) == (
        "family-unavailable", "service/default/nginx serves IPv6 only",
    )  # fmt: skip


def test_tcp_and_udp_on_one_port_have_no_ipv6_back_ends_in_dual_stack() -> None:
    both = built((f"{OWN}.ports", [{"port": 53}, {"port": 53, "protocol": "udp"}]))
    assert both.trace(CLIENT, SERVICE, family=4, udp=53).disposition == "no-listener"  # nothing listens in the pods
    chain = both.trace(CLIENT, SERVICE, family=6, udp=53)
    assert (chain.disposition, "TCP and UDP share port 53" in chain.traces[0].reason) == ("no-backend", True)
    assert "nlb-mixed-ports-lack-ipv6" in chain.assumptions
    assert "kube-proxy-health-in-ipv6" not in chain.assumptions
    assert any("TCP and UDP share port 53" in str(finding) for finding in both.topology.findings)
    served = both.what_if({"assumptions.nlb-mixed-ports-lack-ipv6": "serves"})
    assert served.trace(CLIENT, SERVICE, family=6, udp=53).disposition == "no-listener"


@BOTH
def test_a_back_end_is_no_client_of_its_own_load_balancer(family: int) -> None:
    """With ipMode Proxy, which keeps kube-proxy from taking the short cut; by another node it works."""
    proxied = built().what_if({f"{OWN}.annotations": {"oci.oraclecloud.com/ingress-ip-mode": "proxy"}})
    chains = [proxied.trace("node/node-3", BALANCER, family=family, tcp=80, sport=sport) for sport in range(3000, 3030)]
    own = [chain for chain in chains if chain.disposition == "no-backend"]
    assert own
    assert len(own) < len(chains)
    assert "cannot be a client of its own load balancer's address" in own[0].traces[0].reason
    assert all(chain.round_trip == "delivered" for chain in chains if chain not in own)


def test_where_the_source_is_kept_pods_of_the_node_are_not_served_by_it() -> None:
    proxied = built(LOCAL).what_if({f"{OWN}.annotations": {"oci.oraclecloud.com/ingress-ip-mode": "proxy"}})
    pod = "pod/kube-system/coredns-bfd957d6b-ddr79"  # on node-1
    ends = {proxied.trace(pod, BALANCER, family=6, tcp=80, sport=sport).disposition for sport in range(3000, 3030)}
    assert ends == {"no-backend", "delivered"}


@BOTH
def test_a_node_takes_the_short_cut_to_every_address_that_the_status_lists(family: int) -> None:
    """The private one too, unless it is left out; none with ipMode Proxy."""
    pod = "pod/kube-system/coredns-bfd957d6b-ddr79"
    short = built().trace(pod, BALANCER, family=family, tcp=80)
    assert (short.round_trip, BALANCER in way(short.traces[0])) == ("delivered", False)
    public = annotated(built(), **{"external-ip-only": "true"}).trace(pod, BALANCER, family=family, tcp=80)
    assert (BALANCER in way(public.traces[0])) == (family == 4)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({f"{OWN}.annotations": {f"{NLB}/is-preserve-source": "false"}}, "under the policy Cluster"),
    ({f"{OWN}.session_affinity": "ClientIP"}, "sessionAffinity ClientIP"),
    ({f"{OWN}.annotations": {"oci.oraclecloud.com/load-balancer-type": "lb"}}, "asks for a flexible load balancer"),
    ({f"{OWN}.annotations": {f"{NLB}/backend-policy": "ROUND_ROBIN"}}, 'backend-policy: "ROUND_ROBIN"'),
    ({f"{OWN}.annotations": {f"{NLB}/health-check-interval": "5000"}}, 'health-check-interval: "5000"'),
    ({f"{OWN}.ip_family_policy": "RequireDualStack", "subnets.lb.ipv6": [], "load_balancers.nginx.ipv6": None},
     "subnet/lb of lb/nginx has no IPv6 prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_the_controller_refuses_has_no_back_end_and_is_found(changes: dict[str, Any], reason: str) -> None:
    simulation = built().what_if(changes)
    chain = asked(simulation, 4)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == ("no-backend", BALANCER)
    assert reason in chain.traces[0].reason
    assert any(reason in str(finding) for finding in simulation.topology.findings)
    assert asked(simulation, 6).disposition in ("no-backend", "family-unavailable")
    assert reason in asked(simulation, 6).traces[0].reason


def test_security_rules_keep_out_whom_the_ranges_leave_out() -> None:
    """Where the controller writes any, at the load balancer; what is left out silently is the other family."""
    managed = annotated(built(), **{"security-list-management-mode": "All"})
    ranged = managed.what_if({f"{OWN}.load_balancer_source_ranges": ["198.51.100.0/24"]})
    assert asked(ranged, 4).round_trip == "delivered"
    chain = asked(ranged, 6)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == ("denied-ingress", BALANCER)
    assert f"none of loadBalancerSourceRanges of {SERVICE}: 198.51.100.0/24" in chain.traces[0].reason
    unmanaged = built().what_if({f"{OWN}.load_balancer_source_ranges": ["198.51.100.0/24"]})
    assert asked(unmanaged, 6).round_trip == "delivered"
    assert any("mode None" in str(finding) for finding in unmanaged.topology.findings)


def test_what_the_pod_learns_is_told() -> None:
    """By the rule of the load balancer, and in a line of its own."""

    def learned(simulation: Simulation) -> str:
        return next(row.reason for row in asked(simulation, 6).nat_applied if row.kind == "load-balancer-dnat")

    assert learned(built()).endswith("the pod sees the node's address, and nothing of the client")
    assert learned(built(LOCAL)).endswith("the pod sees the client's own address")
    second = annotated(built(), **{"is-ppv2-enabled": "true"})
    assert learned(second).endswith("and the client's in the proxy protocol, version 2")
    assert "seen: pod/default/nginx" in chain_text(asked(built(), 6))


@BOTH
def test_what_goes_through_a_network_load_balancer_is_not_held_against_the_lab(family: int) -> None:
    """Its stand-in is a bare host; everything else of the scenario is compared."""
    simulation = built()
    plan = make_plan(simulation.topology)
    assert "lb/nginx" in plan.twins
    chain = simulation.trace(CLIENT, SERVICE, family=family, tcp=80)
    probe = Probe(device=CLIENT, packet=chain.traces[0].hops[0].packets_out[0])
    assert beyond_twins(chain, probe) == "the network load balancer lb/nginx has no stand-in"
