"""Laws of the as-built profile over generated clusters: what is rewritten is told, and in the article nothing is."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import dsflow
from dsflow.dataplane.service_ends import ServiceEnds
from dsflow.net.address import Family
from dsflow.net.wire import parse_fields
from dsflow.trace.chain import Chain
from tests.clusters import ODDITIES, PROTOCOLS, as_built, questions, random_cluster
from tests.properties.laws import LAWS, bytes_are_sound
from tests.strategies import clusters

CLUSTERS = 40
SERVICES = ({"tcp": 80}, {"udp": 53}, {"tcp": 8443})


@given(clusters(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_every_chain_of_every_cluster_keeps_the_laws(data: dict[str, Any], random: Random) -> None:
    """As in the article's profile."""
    simulation = dsflow.load(as_built(random, data))
    known: set[bytes] = set()
    for asked in questions(simulation, every=PROTOCOLS + ODDITIES):
        chain = asked.of(simulation)
        for law in LAWS:
            law(chain)
        bytes_are_sound(chain, known)


def _rewrites(chain: Chain) -> Counter[tuple[int, str, int]]:
    """How often each visit changed addresses or ports of an IPv6 packet: by trace, device and hop."""
    found: Counter[tuple[int, str, int]] = Counter()
    for number, trace in enumerate(chain.traces):
        for hop in trace.hops:
            if trace.family is Family.IPV6 and hop.packets_in and hop.packets_out:
                one, other = (parse_fields(raw) for raw in (hop.packets_in[0], hop.packets_out[0]))
                if (one.src, one.dst, one.sport, one.dport) != (other.src, other.dst, other.sport, other.dport):
                    found[number, hop.device, hop.index] += 1
    return found


def _asked(data: dict[str, Any], seed: int) -> list[Chain]:
    simulation = dsflow.load(data)
    chains = [asked.of(simulation) for asked in questions(simulation, pairs=3, families=(6,), every=SERVICES)]
    pods = [pod.id for pod in simulation.topology.pods.values()][:3]
    ends = ServiceEnds(simulation.topology)
    nodes = [node for node in simulation.topology.nodes.values() if node.ipv6 is not None][:2]
    for origin in [*pods, *(node.id for node in nodes), "internet/client"]:
        for balancer in simulation.topology.load_balancers.values():
            chains += [simulation.trace(origin, balancer.id, family=6, sport=20000 + seed, **ask) for ask in SERVICES]
    for origin in [*pods, *(node.id for node in nodes)]:
        for service in simulation.topology.services.values():
            for sport in (20000 + seed, 20001 + seed):
                port = service.ports[0]
                known = {"tcp": port.port} if port.protocol == "tcp" else {"udp": port.port}
                chains.append(simulation.trace(origin, service.id, family=6, sport=sport, **known))
                if service.type != "ClusterIP":
                    number = ends.node_port(service, port)
                    doors = {"tcp": number} if port.protocol == "tcp" else {"udp": number}
                    chains += [simulation.trace(origin, node.id, family=6, sport=sport, **doors) for node in nodes]
    return chains


def test_every_ipv6_rewrite_has_a_row_that_tells_device_rule_and_reason() -> None:
    """Over seeded clusters every kind that nodes and load balancers do in IPv6 occurs; in the article there is none."""
    kinds: Counter[str] = Counter()
    returned = 0
    for seed in range(CLUSTERS):
        data = random_cluster(Random(seed))
        for chain in _asked(as_built(Random(seed), data), seed):
            returned += "nlb-return-path" in chain.assumptions and chain.round_trip == "delivered"
            rows = [row for row in chain.nat_ledger if row.outcome == "applied" and row.family is Family.IPV6]
            told = {(row.connection, row.device, row.hop) for row in rows}
            for number, device, hop in _rewrites(chain):
                assert (chain.traces[number].connection, device, hop) in told
            for row in rows:
                assert row.device
                assert row.reason
                assert row.before != row.after
                kinds[row.kind.value] += 1
        for chain in _asked(data, seed):
            assert not _rewrites(chain)
            assert not [row for row in chain.nat_applied if row.family is Family.IPV6]
    assert returned
    of_nodes = {"service-dnat", "masquerade", "hairpin-masquerade"}
    assert set(kinds) == of_nodes | {"load-balancer-dnat", "load-balancer-snat"}
