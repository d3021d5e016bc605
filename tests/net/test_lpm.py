"""The longest-prefix table against a search through all prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable
from tests.strategies import families, prefixes_of, values


@st.composite
def tables(draw: st.DrawFn) -> tuple[Family, dict[Prefix, int]]:
    family = draw(families())
    return family, draw(st.dictionaries(prefixes_of(family), st.integers(), max_size=12))


@given(tables(), st.data())
def test_lookup_is_the_longest_of_all_prefixes_around(
    table: tuple[Family, dict[Prefix, int]], data: st.DataObject
) -> None:
    family, entries = table
    found = LongestPrefixTable(entries.items())
    edges = {edge for prefix in entries for edge in (prefix.first - 1, prefix.first, prefix.last, prefix.last + 1)}
    tried = {edge for edge in edges if 0 <= edge < 1 << family.bits} | {data.draw(values(family))}
    for value in tried:
        around = [prefix for prefix in entries if Address(family, value) in prefix]
        longest = max(around, key=lambda prefix: prefix.length, default=None)
        assert found.lookup(value) == (None if longest is None else entries[longest])


@given(tables())
def test_items_are_the_entries_in_order(table: tuple[Family, dict[Prefix, int]]) -> None:
    _, entries = table
    found = LongestPrefixTable(entries.items())
    assert found.items() == tuple(sorted(entries.items()))
    assert len(found) == len(entries)


def test_an_empty_table_finds_nothing() -> None:
    empty: LongestPrefixTable[str] = LongestPrefixTable()
    assert empty.lookup(0) is None
    assert len(empty) == 0


def test_a_prefix_twice_is_refused() -> None:
    prefix = Prefix.parse("10.0.0.0/8")
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/8: the same prefix twice"):
        LongestPrefixTable([(prefix, "a"), (prefix, "b")])


def test_both_families_are_refused() -> None:
    with pytest.raises(ValueError, match="both families"):
        LongestPrefixTable([(Prefix.parse("0.0.0.0/0"), 1), (Prefix.parse("::/0"), 2)])
