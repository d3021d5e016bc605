"""What single records compute, and what they refuse to be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.latency.entries import Confidence, Constants, Entry, PairEntry, RuleEntry
from dsflow.latency.profile import load_profile

PROFILE = load_profile()


def rules(name: str) -> RuleEntry:
    record = PROFILE[name]
    assert isinstance(record, RuleEntry)
    return record


def test_only_analogues_and_judgements_are_assumptions() -> None:
    assert [grade.value for grade in Confidence if grade.assumed] == ["C", "D"]


def test_sigma_puts_p99_where_the_entry_says() -> None:
    """loc + (p50 - loc) exp(2.326 sigma) = p99"""
    entry = PROFILE.entry("vxlan_pair")
    assert entry.loc_us + (entry.p50_us - entry.loc_us) * math.exp(2.326 * entry.ln_sigma) == pytest.approx(40)


def test_the_family_matters_only_where_the_entry_says_so() -> None:
    filters, iptables = rules("filter_rule_ns"), rules("iptables_rule_ns")
    assert filters.search_us(10_000, 6) == filters.search_us(10_000, 4) == 56
    assert iptables.search_us(1000, 6) == iptables.search_us(1000, 4)
    assert iptables.search_us(5000, 6) > iptables.search_us(5000, 4)


def test_no_rules_cost_nothing() -> None:
    assert rules("iptables_rule_ns").search_us(0, 4) == 0


@given(fewer=st.integers(0, 50_000), more=st.integers(1, 50_000), family=st.sampled_from([4, 6]))
def test_more_rules_cost_more(fewer: int, more: int, family: int) -> None:
    entry = rules("iptables_rule_ns")
    assert entry.search_us(fewer, family) < entry.search_us(fewer + more, family)


@pytest.mark.parametrize("name", sorted(PROFILE.records))
def test_an_entry_without_spread_keeps_its_centre(name: str) -> None:
    certain = PROFILE[name].without_spread()
    assert certain.x90 == 1
    match certain:
        case Entry():
            assert (certain.p50_us, certain.ln_sigma) == (PROFILE.entry(name).p50_us, 0)
        case PairEntry():
            assert (certain.pair_ln_sigma, certain.jitter_ln_sigma) == (0, 0)
        case RuleEntry():
            assert certain == replace(rules(name), x90=1.0)
        case Constants():
            assert certain.values.get("prob", 0) == 0
