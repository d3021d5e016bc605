"""Where packets go, over generated clusters: which devices, how many routed hops, and nothing in between."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

import dsflow
from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.model.cluster import Pod
from dsflow.trace.chain import PathType
from dsflow.trace.trace import Direction, Trace
from tests.clusters import PROTOCOLS, Asked, questions, seeded
from tests.strategies import clusters

SEEDS = range(60)
CLUSTER = "default/nginx-568f7cfd68-"
FIRST, MATE, REMOTE = (f"pod/{CLUSTER}{name}" for name in ("g4h2c", "pvgct", "vprr8"))


def _moved(trace: Trace) -> bool:
    return len(trace.hops) > 1


def _machine_of(simulation: Simulation, end: str) -> str:
    pod = simulation.topology.pods.get(end.removeprefix("pod/"))
    return end if pod is None else f"node/{pod.node}"


@given(clusters())
@settings(max_examples=40)
def test_same_node_packets_never_leave_their_node(data: dict[str, Any]) -> None:
    """Between pods of one node only these pods and the node are visited, answers and errors included."""
    simulation = dsflow.load(data)
    for asked in questions(simulation, every=PROTOCOLS):
        chain = asked.of(simulation)
        if chain.path_type is PathType.SAME_NODE:
            mine = {asked.origin, asked.target, _machine_of(simulation, asked.origin)}
            assert {hop.device for trace in chain.traces for hop in trace.hops} <= mine


@given(clusters())
@settings(max_examples=40)
def test_cross_node_packets_meet_no_tunnel_and_nothing_but_pods_nodes_and_the_vcn(data: dict[str, Any]) -> None:
    """The way is pod, node, VCN, node, pod; the packet keeps its length and protocol."""
    simulation = dsflow.load(data)
    for asked in questions(simulation, every=PROTOCOLS):
        chain = asked.of(simulation)
        if chain.path_type is not PathType.CROSS_NODE:
            continue
        for trace in chain.traces:
            ends = [asked.origin, asked.target]
            if trace.direction is not Direction.FORWARD:
                ends.reverse()
            assert _is_start_of([hop.device for hop in trace.hops], _cross_node_way(simulation, *ends)), trace
            sizes = {(hop.header_out.length, hop.header_out.protocol) for hop in trace.hops[:-1] if hop.header_out}
            assert len(sizes) <= 1


def _cross_node_way(simulation: Simulation, origin: str, target: str) -> list[str]:
    one, other = _machine_of(simulation, origin), _machine_of(simulation, target)
    node = simulation.topology.nodes[one.removeprefix("node/")]
    vcn = simulation.topology.subnets[node.subnet].vcn
    first = [] if _is_on_host(simulation, origin) else [origin]
    last = [] if _is_on_host(simulation, target) else [target]
    return [*first, one, f"vcn/{vcn}", other, *last]


def _is_on_host(simulation: Simulation, end: str) -> bool:
    pod: Pod = simulation.topology.pods[end.removeprefix("pod/")]
    return pod.host_network


def _is_start_of(found: list[str], way: list[str]) -> bool:
    """Found is the way, or, where a packet was lost or an error began half-way, a stretch of it."""
    return any(way[at : at + len(found)] == found for at in range(len(way)))


def test_the_hop_limit_falls_by_the_routers_that_lower_it() -> None:
    """Every trace arrives with its first hop limit less one for each routed hop, by the table of devices."""
    for seed in SEEDS:
        simulation = seeded(seed)
        for asked in questions(simulation):
            for trace in asked.of(simulation).traces:
                sent, arrived = trace.hops[0].header_out, trace.hops[-1].header_in
                if sent is not None and arrived is not None:
                    lowered = sum(_lowers(simulation, trace, index) for index in range(1, len(trace.hops) - 1))
                    assert sent.ttl - arrived.ttl == lowered, trace
                    assert trace.hops[-2].header_out == arrived


def _lowers(simulation: Simulation, trace: Trace, index: int) -> bool:
    """Whether a device on the way is a routed hop: all are, but a VCN within one subnet."""
    hop = trace.hops[index]
    if hop.kind != "vcn":
        assert hop.kind in ("node", "igw", "natgw", "sgw", "lpg")
        return True
    came_from = trace.hops[index - 1].device
    subnet = str(hop.in_interface)
    if came_from.startswith("lb/"):
        subnet = f"subnet/{simulation.topology.load_balancers[came_from.removeprefix('lb/')].subnet}"
    if not subnet.startswith("subnet/"):
        return True  # from a gateway
    own = simulation.topology.subnets[subnet.removeprefix("subnet/")]
    assert hop.header_in is not None
    target = ip_address(hop.header_in.dst)
    prefixes = [ip_network(str(prefix)) for prefix in (own.ipv4, *own.ipv6) if prefix is not None]
    return not any(target in prefix for prefix in prefixes)


def _arrivals(name: str, asked: Asked) -> list[tuple[list[str], int]]:
    """The kinds of device on each forward way, and the hop limit on arrival."""
    simulation = dsflow.load(name)
    chain = asked.of(simulation)
    assert chain.round_trip is Disposition.DELIVERED
    found = []
    for trace in chain.traces:
        if trace.direction is Direction.FORWARD:
            header = trace.hops[-1].header_in
            assert header is not None
            found.append(([hop.kind for hop in trace.hops], header.ttl))
    return found


@pytest.mark.parametrize("name", ["oke-sydney", "oke-sydney-gua"])
@pytest.mark.parametrize("family", [4, 6])
def test_hop_limits_on_arrival_in_the_articles_cluster(name: str, family: int) -> None:
    """Same node 63, cross node 62, ingress 62 and then 62 again, egress 61."""
    across = ["pod", "node", "vcn", "node", "pod"]
    assert _arrivals(name, Asked(FIRST, MATE, family, {"tcp": 80})) == [(["pod", "node", "pod"], 63)]
    assert _arrivals(name, Asked(FIRST, REMOTE, family, {"tcp": 80})) == [(across, 62)]
    ingress = _arrivals(name, Asked("internet/client", "service/default/nginx", family, {"tcp": 80}))
    assert ingress == [(["internet", "igw", "vcn", "lb"], 62), (["lb", "vcn", "node", "pod"], 62)]
    if family == 4:
        egress = _arrivals(name, Asked(FIRST, "internet/web", family, {"tcp": 443}))
        assert egress == [(["pod", "node", "vcn", "natgw", "internet"], 61)]


def test_ipv6_egress_arrives_by_the_internet_gateway() -> None:
    """Direct egress costs as many hops as egress through NAT."""
    egress = _arrivals("oke-sydney-gua", Asked(FIRST, "internet/web", 6, {"tcp": 443}))
    assert egress == [(["pod", "node", "vcn", "igw", "internet"], 61)]


@pytest.mark.parametrize("family", [4, 6])
def test_another_subnet_costs_a_hop(family: int) -> None:
    """A pod asks a node: the VCN routes between their subnets and lowers the limit."""
    ways = _arrivals("oke-sydney", Asked(FIRST, "node/node-2", family, {"icmp": True}))
    assert ways == [(["pod", "node", "vcn", "node"], 62)]
    two = dsflow.load("two-pods").what_if(
        {
            "subnets.more": {"ipv4": "10.0.9.0/24", "ipv6": ["fd00:10:0:9::/64"], "route_table": "local"},
            "pods.default/server.ipv4": "10.0.9.22",
            "pods.default/server.ipv6": "fd00:10:0:9::22",
        }
    )
    chain = two.trace("pod/default/client", "pod/default/server", family=family, tcp=80)
    header = chain.traces[0].hops[-1].header_in
    assert header is not None
    assert header.ttl == 61


def test_only_what_no_scenario_describes_leaves_the_model() -> None:
    """A packet to an address that something in the scenario has is delivered or refused, never out of sight."""
    for seed in range(200):
        simulation = seeded(seed)
        for asked in questions(simulation):
            for trace in asked.of(simulation).traces:
                header = trace.hops[-1].header_out
                if trace.disposition is Disposition.LEFT_MODEL:
                    assert header is not None
                    assert simulation.end(header.dst).device is None, (seed, asked, trace)


def test_neighbours_are_joined_by_their_interfaces() -> None:
    """The interface that a packet comes in by is the one that the device before names."""
    for seed in range(20):
        simulation = seeded(seed)
        for asked in questions(simulation, pairs=1):
            for trace in asked.of(simulation).traces:
                for one, other in pairwise(trace.hops):
                    assert one.neighbor is not None
                    assert (one.neighbor.device, one.neighbor.in_interface) == (other.device, other.in_interface)
                    assert one.neighbor.out_interface == one.out_interface
