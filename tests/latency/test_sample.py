"""Estimates: exact without spread, repeatable, and shaped as the composition rules say."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow.errors import UsageError
from dsflow.latency.entries import Constants, Entry
from dsflow.latency.profile import Profile, load_profile
from dsflow.latency.sample import Cost, Estimate, Interval, Leg, Percentiles, estimate

PROFILE = load_profile()
CERTAIN = PROFILE.without_spread()
TRAVERSALS = sorted(name for name, record in PROFILE.records.items() if isinstance(record, Entry))


def changed(profile: Profile, name: str, **values: Any) -> Profile:
    """The profile with fields of one entry, or numbers of one constant, replaced."""
    record = profile[name]
    if isinstance(record, Constants):
        values = {"values": MappingProxyType({**record.values, **values})}
    return replace(profile, records=MappingProxyType({**profile.records, name: replace(record, **values)}))


def one_way(*hops: list[Cost], profile: Profile = PROFILE, seed: int = 0, **draws: int) -> Percentiles:
    return estimate([Leg(hops)], profile=profile, seed=seed, **draws).one_way


def across(start: str, end: str, *, forward: bool = True) -> Leg:
    """A packet of a known flow from a pod on one node to a pod on another, in one availability domain."""
    return Leg(
        [
            [Cost("endpoint", f"pod/{start}", load=f"node/{start}")],
            [Cost(name, f"node/{start}", load=f"node/{start}") for name in ("pod_hop", "ct_established")]
            + [Cost("vnic", f"vnic/{start}")],
            [Cost("fabric_ad", "vcn/oke")],
            [Cost("vnic", f"vnic/{end}")]
            + [Cost(name, f"node/{end}", load=f"node/{end}") for name in ("pod_hop", "ct_established")],
        ],
        forward,
        not forward,
    )


def everything(chain: Estimate) -> list[Interval]:
    """Every interval of an estimate."""
    totals = [chain.one_way] if chain.round_trip is None else [chain.one_way, chain.round_trip]
    return [each for parts in (totals, *chain.hops) for percentiles in parts for each in percentiles]


# Exact without spread


@given(names=st.lists(st.sampled_from(TRAVERSALS), max_size=8), count=st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=25)
def test_without_spread_every_percentile_is_the_sum_of_the_medians(names: list[str], count: float) -> None:
    costs = [Cost(name, f"{name}/{number}", count, load="node/a") for number, name in enumerate(names)]
    chain = estimate([Leg([[cost] for cost in costs])], profile=CERTAIN, seed=0, outer=3, inner=4)
    total_us = sum(count * PROFILE.entry(name).p50_us for name in names)
    assert chain.one_way == Percentiles(*[Interval(total_us, total_us, total_us)] * 3)
    assert [hop.p99.value for hop in chain.hops[0]] == [count * PROFILE.entry(name).p50_us for name in names]


def test_pod_to_pod_across_nodes_is_the_profiles_sanity_check() -> None:
    """2 x (endpoint 12 + pod hops 6 + conntrack 0.6 + VNICs 6 + fabric 10) microseconds, about 69."""
    chain = estimate([across("a", "b"), across("b", "a", forward=False)], profile=CERTAIN, seed=0)
    assert chain.round_trip is not None
    assert chain.round_trip.p50.value == pytest.approx(2 * (12 + 6 + 0.6 + 6 + 10))


def test_ipv6_costs_more_in_kernels_and_nowhere_else() -> None:
    for name in TRAVERSALS:
        ipv4, ipv6 = (one_way([Cost(name, "x", family=family)], profile=CERTAIN).p50.value for family in (4, 6))
        on_cpu = name in {"pod_hop", "endpoint", "ct_established", "ct_new", "dnat_new", "masq_new"}
        assert ipv6 == pytest.approx(ipv4 * (1.2 if on_cpu else 1.0)), name


def test_a_pair_costs_its_base_and_its_inflated_fibre_round_trip() -> None:
    half = one_way([Cost("internet", "link/internet", 0.5, km=1000)], profile=CERTAIN)
    assert half.p50.value == pytest.approx(0.5 * 1.9 * 2 * 1000 * 4.9)
    region = one_way([Cost("cross_region", "drg/x", km=1000)], profile=CERTAIN)
    assert region.p50.value == pytest.approx(3600 + 1.6 * 2 * 1000 * 4.9)
    assert one_way([Cost("cross_ad", "ad/1-2")], profile=CERTAIN).p99.value == 1000


def test_rules_are_counted() -> None:
    cost = Cost("iptables_rule_ns", "node/a", 10_000, family=6)
    assert one_way([cost], profile=CERTAIN).p50.value == pytest.approx(200)


# Draws


@pytest.mark.parametrize("name", TRAVERSALS)
def test_an_entry_known_for_sure_shows_its_own_percentiles(name: str) -> None:
    profile = changed(changed(PROFILE, name, x90=1.0), "interference", prob=0.0)
    entry = profile.entry(name)
    drawn = one_way([Cost(name, "x", load="node/a")], profile=profile, outer=10, inner=20_000)
    assert drawn.p50.value == pytest.approx(entry.p50_us, rel=0.02)
    assert drawn.p99.value == pytest.approx(entry.p99_us, rel=0.04)


def test_an_uncertain_entry_lies_within_its_factor_in_nine_of_ten_worlds() -> None:
    drawn = one_way([Cost("iptables_rule_ns", "node/a", 100)], outer=4000, inner=1).p50
    assert drawn.value == pytest.approx(0.43, rel=0.05)
    assert drawn.high / drawn.value == pytest.approx(2, rel=0.08)
    assert drawn.value / drawn.low == pytest.approx(2, rel=0.08)


def test_an_entry_is_equally_far_off_wherever_it_occurs() -> None:
    """So two of them are as uncertain as one, twice as large."""
    certain_packets = changed(CERTAIN, "vnic", x90=2.5)
    one, two = (
        one_way([Cost("vnic", f"vnic/{name}") for name in names], profile=certain_packets).p50 for names in ("a", "ab")
    )
    assert two.value == pytest.approx(2 * one.value)
    assert (two.low, two.high) == pytest.approx((2 * one.low, 2 * one.high))
    assert one.low < one.value < one.high


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    legs = [across("a", "b"), across("b", "a", forward=False)]
    first, again, other = (estimate(legs, profile=PROFILE, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert json.dumps(first.to_json()) == json.dumps(again.to_json()) != json.dumps(other.to_json())


def test_a_hop_more_leaves_the_other_hops_as_they_were() -> None:
    leg = across("a", "b")
    extra = [Cost("nat_gw", "natgw/nat"), Cost("pod_hop", "node/c", load="node/a")]
    longer = Leg([leg.hops[0], extra, *leg.hops[1:]])
    before, after = (estimate([each], profile=PROFILE, seed=0).hops[0] for each in (leg, longer))
    assert before == (after[0], *after[2:])


def test_a_component_met_again_is_drawn_again() -> None:
    """A packet's second traversal is not its first: the same component costs anew per packet."""
    hops = [[Cost("vnic", "vnic/a")], [Cost("vnic", "vnic/a")]]
    first, second = estimate([Leg(hops)], profile=PROFILE, seed=0).hops[0]
    assert first != second


def test_both_directions_share_the_one_draw_of_a_round_trip() -> None:
    half = [[Cost("access_fixed", "internet/web", 0.5)]]
    chain = estimate([Leg(half), Leg(half, forward=False, answers=True)], profile=PROFILE, seed=0)
    whole = one_way([Cost("access_fixed", "internet/web")])
    assert chain.hops[0] == chain.hops[1]
    assert chain.round_trip == whole


@given(km=st.floats(1, 15_000), further=st.floats(1, 5000))
@settings(max_examples=20)
def test_further_away_takes_longer(km: float, further: float) -> None:
    near, far = (
        one_way([Cost("internet", "link/internet", 0.5, km=each), Cost("igw", "igw/main")], outer=20, inner=50)
        for each in (km, km + further)
    )
    assert all(
        before < after for one, other in zip(near, far, strict=True) for before, after in zip(one, other, strict=True)
    )


def test_what_is_fixed_for_a_pair_varies_between_worlds_and_not_between_packets() -> None:
    drawn = one_way([Cost("internet", "link/internet", km=1000)])
    assert drawn.p50 == pytest.approx(drawn.p99)
    assert drawn.p50.low < 0.7 * drawn.p50.value
    assert drawn.p50.high > 1.4 * drawn.p50.value


def test_two_pairs_differ_and_one_pair_agrees_with_itself() -> None:
    def legs(back: str) -> list[Leg]:
        return [
            Leg([[Cost("internet", "link/a", 0.5, km=1000)]]),
            Leg([[Cost("internet", back, 0.5, km=1000)]], forward=False, answers=True),
        ]

    same, other = (estimate(legs(back), profile=PROFILE, seed=0).hops for back in ("link/a", "link/b"))
    assert same[0] == same[1]
    assert other[0] != other[1]


def test_jitter_spreads_the_packets_of_a_pair() -> None:
    drawn = one_way([Cost("cross_ad", "ad/1-2")])
    assert drawn.p99.value > 1.2 * drawn.p50.value


# Machines


def on(first: str | None, second: str | None, profile: Profile = PROFILE) -> Percentiles:
    """Two costs in two hops, on the machines named."""
    hops = [[Cost("endpoint", "pod/a", load=first)], [Cost("endpoint", "pod/b", load=second)]]
    return one_way(*hops, profile=profile)


def test_costs_on_one_machine_vary_together() -> None:
    """The sum then spreads more: slow packets are slow in both."""
    together, apart = on("node/a", "node/a"), on("node/a", "node/b")
    assert together.p99.value > 1.05 * apart.p99.value


def test_load_is_all_or_nothing_at_the_ends_of_its_correlation() -> None:
    quiet = changed(PROFILE, "interference", prob=0.0)
    alike, unlike = (changed(quiet, "load_state", correlation=share) for share in (1.0, 0.0))
    single = one_way([Cost("endpoint", "pod/a", load="node/a")], profile=alike)
    assert on("node/a", "node/a", alike).p99 == pytest.approx([2 * each for each in single.p99])
    assert on("node/a", "node/a", unlike) == on(None, None, unlike)


def test_interference_strikes_each_hop_on_a_machine_and_no_other() -> None:
    always = changed(CERTAIN, "interference", prob=1.0)
    assert one_way([Cost("vnic", "vnic/a")], profile=always).p50.value == 3
    hop = [Cost("pod_hop", "node/a"), Cost("ct_new", "node/a"), Cost("vnic", "vnic/a")]
    assert one_way(hop, profile=always).p50.value == pytest.approx(30 + 3 + 1.3 + 3)
    assert one_way(hop, hop, profile=always).p50.value == pytest.approx(2 * (30 + 3 + 1.3 + 3))


def test_rare_interference_leaves_p99_and_frequent_interference_does_not() -> None:
    costs = [Cost("ct_established", "node/a")]
    calm, rare, frequent = (
        one_way(costs, profile=changed(PROFILE, "interference", prob=share)).p99.value for share in (0.0, 0.002, 0.05)
    )
    assert rare == pytest.approx(calm, rel=0.2)
    assert frequent == pytest.approx(30, rel=0.1)


def test_a_pause_stops_each_machine_once_per_exchange() -> None:
    always = changed(CERTAIN, "pause", prob=1.0, min_us=1000.0, max_us=1000.0)
    legs = [across("a", "b"), across("b", "a", forward=False)]
    chain = estimate(legs, profile=always, seed=0)
    assert chain.round_trip is not None
    assert chain.round_trip.p50.value == pytest.approx(2 * 1000 + 69.2)


def test_pauses_lie_in_their_range() -> None:
    drawn = one_way([Cost("ct_new", "node/a")], profile=changed(CERTAIN, "pause", prob=1.0), inner=2000)
    assert drawn.p50.value == pytest.approx(15_500, rel=0.05)
    assert 29_000 < drawn.p99.value < 30_002


# The result


@given(
    there=st.lists(st.sampled_from(TRAVERSALS), min_size=1, max_size=4),
    back=st.lists(st.sampled_from(TRAVERSALS), min_size=1, max_size=4),
    seed=st.integers(0, 2**64),
)
@settings(max_examples=25)
def test_intervals_hold_their_value_percentiles_rise_and_replies_add(
    there: list[str], back: list[str], seed: int
) -> None:
    legs = [
        Leg([[Cost(name, "node/a", load="node/a")] for name in names], forward, not forward)
        for names, forward in ((there, True), (back, False))
    ]
    chain = estimate(legs, profile=PROFILE, seed=seed, outer=20, inner=40)
    assert all(0 < each.low <= each.value <= each.high for each in everything(chain))
    assert chain.one_way.p50 < chain.one_way.p95 < chain.one_way.p99
    assert chain.round_trip is not None
    assert all(one < both for one, both in zip(chain.one_way, chain.round_trip, strict=True))
    assert 0 <= chain.assumed_share <= 1 + 1e-9


def test_a_chain_of_connections_adds_up_all_its_forward_legs() -> None:
    first, second = Leg([[Cost("igw", "igw/main")]]), Leg([[Cost("vnic", "vnic/a")]])
    chain = estimate([first, Leg(first.hops, forward=False, answers=True), second], profile=CERTAIN, seed=0)
    assert chain.round_trip is not None
    assert (chain.one_way.p50.value, chain.round_trip.p50.value) == (23, 43)


def test_no_reply_no_round_trip() -> None:
    chain = estimate([across("a", "b")], profile=PROFILE, seed=0)
    assert chain.round_trip is None
    assert chain.to_json()["round_trip"] is None


def test_the_assumed_share_is_that_of_analogues_and_judgements_one_way() -> None:
    there = Leg([[Cost("pod_hop", "node/a"), Cost("endpoint", "pod/a")], [Cost("igw", "igw/main")]])
    back = Leg([[Cost("nat_gw", "natgw/nat")]], forward=False, answers=True)
    assert estimate([there, back], profile=CERTAIN, seed=0).assumed_share == pytest.approx(32 / 35)


def test_nothing_to_pay_for_takes_no_time() -> None:
    chain = estimate([Leg([[]])], profile=PROFILE, seed=0)
    assert chain.one_way == chain.hops[0][0] == Percentiles(*[Interval(0, 0, 0)] * 3)
    assert chain.assumed_share == 0


def test_json_is_the_contracts() -> None:
    chain = estimate([across("a", "b"), across("b", "a", forward=False)], profile=CERTAIN, seed=0)
    interval = {"value": 34.6, "low": 34.6, "high": 34.6}
    told = chain.to_json()
    assert list(told) == ["one_way", "round_trip", "assumed_share"]
    assert told["one_way"] == {"p50": interval, "p95": interval, "p99": interval}
    assert told["assumed_share"] == round(28 / 34.6, 3)
    assert chain.hops[0][2].to_json()["p99"] == {"value": 10.0, "low": 10.0, "high": 10.0}


# What is refused


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (Cost("igww", "igw/main"), 'no entry "igww"; did you mean "igw"'),
        (Cost("tls_sign_us", "pod/a"), 'cost of pod/a: latency entry "tls_sign_us" is no traversal'),
        (Cost("internet", "link/internet"), '"internet" needs a distance in km'),
        (Cost("cross_ad", "ad/1-2", km=5), '"cross_ad" takes no distance in km'),
        (Cost("igw", "igw/main", km=5), '"igw" takes no distance in km'),
    ],
)
def test_a_cost_the_profile_cannot_charge_is_refused(cost: Cost, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        one_way([cost])


@pytest.mark.parametrize(("seed", "outer", "inner"), [(-1, 1, 1), (0, 0, 1), (0, 1, 0)])
def test_numbers_of_draws_and_seeds_are_checked(seed: int, outer: int, inner: int) -> None:
    with pytest.raises(UsageError, match="expected seed >= 0 and draws >= 1"):
        estimate([], profile=PROFILE, seed=seed, outer=outer, inner=inner)
