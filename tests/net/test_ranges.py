"""Ports and ranges of addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Family
from dsflow.net.ranges import PortRange, cover
from tests.strategies import families, ports, values


@given(ports(), ports(), ports())
def test_a_range_holds_what_lies_between_its_ends(one: int, other: int, port: int) -> None:
    first, last = sorted((one, other))
    found = PortRange(first, last)
    assert (port in found) == (port in range(first, last + 1))
    assert len(found) == last - first + 1
    assert PortRange.parse(str(found)) == found


def test_any_holds_every_port() -> None:
    assert 0 in PortRange.any
    assert 0xFFFF in PortRange.any
    assert PortRange.parse("0-65535") == PortRange.any


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("070", "leading zero"),
        ("1-02", "leading zero"),
        ("", "expected a port"),
        ("80-", "expected a port"),
        ("-80", "expected a port"),
        ("1-2-3", "expected a port"),
        (" 80", "expected a port"),
        ("٨٠", "expected a port"),
        ("70000", "0-65535"),
        ("9" * 5000, "0-65535"),
        ("2000-1000", "did you mean 1000-2000"),
    ],
)
def test_other_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        PortRange.parse(text)


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (2, 1), (0, 0x10000)])
def test_no_range_outside_the_ports(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="the lower one first"):
        PortRange(first, last)


@given(families().flatmap(lambda family: st.tuples(st.just(family), values(family), values(family))))
def test_cover_is_the_summary_of_ipaddress(drawn: tuple[Family, int, int]) -> None:
    family, *ends = drawn
    first, last = sorted(ends)
    kind = ipaddress.IPv4Address if family is Family.IPV4 else ipaddress.IPv6Address
    oracle = ipaddress.summarize_address_range(kind(first), kind(last))
    expected = [(int(network.network_address), network.prefixlen) for network in oracle]
    assert [(prefix.value, prefix.length) for prefix in cover(first, last, family)] == expected


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4), (0, 1 << 32)])
def test_cover_refuses_what_is_no_range(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="not a range of IPv4 addresses"):
        cover(first, last, Family.IPV4)
