"""What a path costs: one event for each traversal of a device and of a link."""

from __future__ import annotations

from collections import Counter

import pytest

from dsflow import Simulation
from dsflow.latency.path import ROUND_TRIP_ENTRIES, estimate_passages, legs
from dsflow.latency.profile import load_profile
from dsflow.latency.sample import Cost, Leg
from dsflow.trace.chain import Chain
from tests.cases import CLIENT, DNS, MATE, POD, REMOTE, SERVICE, WEB, gua, sydney
from tests.clusters import questions, seeded


def _legs(chain: Chain) -> list[Leg]:
    return legs([trace.passage for trace in chain.traces])


def _entries(leg: Leg) -> list[list[str]]:
    """The entries that each hop pays."""
    return [[cost.entry for cost in hop] for hop in leg.hops]


def _costs(chain: Chain) -> list[Cost]:
    return [cost for leg in _legs(chain) for hop in leg.hops for cost in hop]


def test_same_node_pays_the_node_and_the_receiver() -> None:
    """A new connection on the way there, an established one on the way back; the origin pays nothing."""
    there, back = _legs(sydney().trace(POD, MATE, family=4, tcp=80))
    assert _entries(there) == [[], ["pod_hop", "ct_new"], ["endpoint"]]
    assert _entries(back) == [[], ["pod_hop", "ct_established"], ["endpoint"]]
    assert (there.forward, back.forward) == (True, False)


def test_cross_node_pays_both_vnics_and_the_fabric() -> None:
    """Each hop pays for its work and for the link behind it."""
    there, _ = _legs(sydney().trace(POD, REMOTE, family=6, tcp=80))
    assert _entries(there) == [
        [],
        ["pod_hop", "ct_new", "vnic"],
        ["fabric_ad", "vnic"],
        ["pod_hop", "ct_new"],
        ["endpoint"],
    ]


def test_another_availability_domain_costs_more() -> None:
    """The fabric's entry changes, the rest does not; each direction pays half of a round trip."""
    simulation = sydney().what_if({"nodes.node-2.availability_domain": "AD-2"})
    near, far = (Counter(cost.entry for cost in _costs(found.trace(POD, DNS, family=4, udp=53))) for found in
                 (sydney(), simulation))  # fmt: skip
    assert far - near == {"cross_ad": 2}
    assert near - far == {"fabric_ad": 2}
    (cost,) = {cost for cost in _costs(simulation.trace(POD, DNS, family=4, udp=53)) if cost.entry == "cross_ad"}
    assert cost.count == 0.5


@pytest.mark.parametrize(("family", "gateway"), [(4, "nat_gw"), (6, "igw")])
def test_egress_pays_the_gateway_and_the_distance(family: int, gateway: str) -> None:
    """Kilometres come from the host; both directions together are one round trip."""
    chain = gua().trace(POD, WEB, family=family, tcp=443)
    there, back = _legs(chain)
    assert _entries(there)[3] == [gateway, "internet"]
    legs_of_the_internet = [cost for cost in _costs(chain) if cost.entry == "internet"]
    assert [(cost.km, cost.count, cost.family) for cost in legs_of_the_internet] == [(600.0, 0.5, family)] * 2
    assert _entries(back)[0] == ["internet"]


def test_ingress_pays_access_once_and_the_balancer_once() -> None:
    """The proxy's work is half on accepting and half on getting the answer."""
    chain = gua().trace(CLIENT, SERVICE, family=6, tcp=80)
    counts = Counter[str]()
    for cost in _costs(chain):
        counts[cost.entry] += 1
    assert (counts["lb_l7"], counts["access_fixed"], counts["internet"], counts["igw"]) == (2, 2, 2, 2)
    assert sum(cost.count for cost in _costs(chain) if cost.entry == "lb_l7") == 1.0
    assert [leg.forward for leg in _legs(chain)] == [True, False, True, False]


def test_machines_share_their_load() -> None:
    """Pods and their node are one computer; links and the fabric are nobody's."""
    chain = sydney().trace(POD, REMOTE, family=4, tcp=80)
    loads = {cost.entry: set[str | None]() for cost in _costs(chain)}
    for cost in _costs(chain):
        loads[cost.entry].add(cost.load)
    assert loads["pod_hop"] == loads["endpoint"] == {"node/node-1", "node/node-2"}
    assert loads["vnic"] == loads["fabric_ad"] == {None}


def test_whoever_is_dropped_pays_up_to_there() -> None:
    """A chain that ends at the gateway has no Internet in its bill."""
    (only,) = _legs(sydney().trace(POD, WEB, family=6, tcp=443))
    assert len(only.hops) == 4
    assert "internet" not in {cost.entry for hop in only.hops for cost in hop}


@pytest.mark.parametrize("seed", range(10))
def test_every_entry_is_in_the_profile(seed: int) -> None:
    """Whatever the path, the profile knows what each traversal costs."""
    simulation: Simulation = seeded(seed)
    known = set(load_profile().records)
    for asked in questions(simulation, pairs=1):
        assert {cost.entry for cost in _costs(asked.of(simulation))} <= known
    assert known >= ROUND_TRIP_ENTRIES


def test_the_estimate_has_a_time_for_every_hop() -> None:
    """By leg and hop; the seed fixes all of them."""
    chain = sydney().trace(CLIENT, SERVICE, family=4, tcp=80)
    passages = [trace.passage for trace in chain.traces]
    one, same, other = (estimate_passages(passages, load_profile(), seed) for seed in (1, 1, 2))
    assert [len(leg) for leg in one.hops] == [len(trace.hops) for trace in chain.traces]
    assert one.to_json() == same.to_json()
    assert one.to_json() != other.to_json()
    assert one.round_trip is not None
    assert one.one_way.p50.value < one.round_trip.p50.value
