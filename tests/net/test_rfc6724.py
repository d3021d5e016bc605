"""Which address a client tries first: the standard's own examples, and laws of the order."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family
from dsflow.net.rfc6724 import (
    GLIBC,
    GLOBAL,
    LINK_LOCAL,
    RFC6724,
    SITE_LOCAL,
    Candidate,
    Policy,
    PolicyTable,
    Rule,
    decisive_rule,
    order,
    policy,
    scope,
)
from tests.strategies import candidates

TABLES = pytest.mark.parametrize("table", [RFC6724, GLIBC], ids=["rfc6724", "glibc"])


def pair(destination: str, source: str | None) -> Candidate:
    return Candidate(Address.parse(destination), None if source is None else Address.parse(source))


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        (("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78"), Rule.MATCHING_SCOPE),
        (("198.51.100.121", "198.51.100.117"), ("2001:db8:1::1", "fe80::1"), Rule.MATCHING_SCOPE),
        (("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4"), Rule.HIGHER_PRECEDENCE),
        (("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2"), Rule.SMALLER_SCOPE),
        (("2001:db8:1::1", "2001:db8:1::2"), ("2001:db8:3ffe::1", "2001:db8:3f44::2"), Rule.LONGEST_PREFIX),
        (("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2002:c633:6401::2"), Rule.MATCHING_LABEL),
        (("2001:db8:1::1", "2001:db8:1::2"), ("2002:c633:6401::1", "2002:c633:6401::2"), Rule.HIGHER_PRECEDENCE),
    ],
)
def test_the_standards_examples_come_out(first: tuple[str, str], second: tuple[str, str], rule: Rule) -> None:
    """RFC 6724 section 10.2, but for the home address and the deprecated one, which no scenario has."""
    better, worse = pair(*first), pair(*second)
    assert order([better, worse]) == order([worse, better]) == [better, worse]
    assert decisive_rule(better, worse) is decisive_rule(worse, better) is rule


@pytest.mark.parametrize(
    ("ipv6", "ipv4", "first", "rule"),
    [
        (("2001:db8:ffff::80", "fd00:100:0:4::5"), ("198.51.100.80", "100.0.5.102"), 4, Rule.MATCHING_LABEL),
        (("2001:db8:ffff::80", "2001:db8:100:4::5"), ("198.51.100.80", "100.0.5.102"), 6, Rule.HIGHER_PRECEDENCE),
        (("fd00:100:0:4::9", "fd00:100:0:4::5"), ("10.0.5.9", "10.0.5.5"), 4, Rule.HIGHER_PRECEDENCE),
        (("2001:db8:ffff::80", None), ("198.51.100.80", "100.0.5.102"), 4, Rule.AVOID_UNUSABLE),
        (("2001:db8:ffff::80", "2001:db8:100:4::5"), ("198.51.100.80", None), 6, Rule.AVOID_UNUSABLE),
    ],
)
def test_pods_choose_by_their_addresses(
    ipv6: tuple[str, str | None], ipv4: tuple[str, str], first: int, rule: Rule
) -> None:
    """ULA to the Internet: IPv4 by its label.  Global: IPv6 by its precedence.  ULA to ULA: IPv4 by its precedence."""
    both = [pair(*ipv6), pair(*ipv4)]
    assert order(both)[0].destination.family == first
    assert decisive_rule(both[0], both[1]) is rule


@pytest.mark.parametrize(
    ("ipv6", "ipv4", "first"),
    [
        (("2001:db8:ffff::80", "fd00:100:0:4::5"), ("198.51.100.80", "10.0.5.102"), 4),
        (("fd00:100:0:9::9", "fd00:100:0:4::5"), ("10.0.9.9", "10.0.5.102"), 6),
        (("2001:db8:ffff::80", "2001:db8:100:4::5"), ("198.51.100.80", "10.0.5.102"), 6),
        (("fd00:100:0:9::9", "2001:db8:100:4::5"), ("10.0.9.9", "10.0.5.102"), 4),
        (("2001:db8:ffff::80", None), ("198.51.100.80", "10.0.5.102"), 4),
    ],
)
def test_glibc_sorts_as_it_was_seen_to(ipv6: tuple[str, str | None], ipv4: tuple[str, str], first: int) -> None:
    """What getaddrinfo of glibc 2.36 gave for these addresses, the last one without a route for IPv6."""
    assert order([pair(*ipv6), pair(*ipv4)], GLIBC)[0].destination.family == first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", GLOBAL),
        ("100.64.0.1", GLOBAL),
        ("169.254.1.1", LINK_LOCAL),
        ("127.0.0.1", LINK_LOCAL),
        ("::1", LINK_LOCAL),
        ("fe80::1", LINK_LOCAL),
        ("fec0::1", SITE_LOCAL),
        ("fd00::1", GLOBAL),
        ("2001:db8::1", GLOBAL),
        ("ff02::1", LINK_LOCAL),
        ("ff05::1", SITE_LOCAL),
    ],
)
def test_scopes_are_those_of_section_3(text: str, expected: int) -> None:
    assert scope(Address.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::1", (50, 0)),
        ("2001:db8::1", (40, 1)),
        ("192.0.2.1", (35, 4)),
        ("2002::1", (30, 2)),
        ("2001::1", (5, 5)),
        ("fdff::1", (3, 13)),
        ("::192.0.2.1", (1, 3)),
        ("fec0::1", (1, 11)),
        ("3ffe::1", (1, 12)),
    ],
)
def test_policies_are_those_of_section_2_1(text: str, expected: tuple[int, int]) -> None:
    assert policy(Address.parse(text)) == Policy(*expected)


@TABLES
@given(st.lists(candidates(), max_size=4, unique=True))
def test_the_order_of_the_input_matters_to_rule_10_only(table: PolicyTable, given: list[Candidate]) -> None:
    found = order(given, table)
    for shuffled in permutations(given):
        again = order(shuffled, table)
        for one, other in zip(found, again, strict=True):
            assert one == other or decisive_rule(one, other, table) is Rule.UNCHANGED


@TABLES
@given(st.lists(candidates(), max_size=6))
def test_equals_stay_as_they_were(table: PolicyTable, given: list[Candidate]) -> None:
    found = order(given, table)
    assert order(found, table) == found
    for one in given:
        equals = [other for other in given if decisive_rule(one, other, table) is Rule.UNCHANGED]
        assert [other for other in found if decisive_rule(one, other, table) is Rule.UNCHANGED] == equals


@TABLES
@given(candidates(), candidates())
def test_two_families_are_told_apart_before_rule_9(table: PolicyTable, one: Candidate, other: Candidate) -> None:
    """Bits in common compare within one family only; the standard has no such rule for two."""
    rule = decisive_rule(one, other, table)
    assert rule is decisive_rule(other, one, table)
    if one.destination.family is not other.destination.family:
        assert rule <= Rule.HIGHER_PRECEDENCE


@given(candidates())
def test_a_usable_destination_comes_before_any_that_is_not(usable: Candidate) -> None:
    for family in Family:
        lost = Candidate(Address(family, 1), None)
        if usable.source is not None:
            assert order([lost, usable])[0] == usable
            assert decisive_rule(lost, usable) is Rule.AVOID_UNUSABLE


def test_every_rule_has_the_standards_name() -> None:
    assert [f"{rule}: {rule.title}" for rule in Rule][1:3] == ["2: prefer matching scope", "5: prefer matching label"]
