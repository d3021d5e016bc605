"""The longest-prefix table: which of many nested prefixes an address belongs to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from dsflow.net.address import Prefix

__all__ = ["LongestPrefixTable"]

V = TypeVar("V")


class LongestPrefixTable(Generic[V]):
    """Values by prefix of one family; an address finds that of the longest prefix around it.

    Built once and never changed: the prefixes are flattened to intervals, so that a look-up is one
    bisection over integers, whatever the family.

    >>> routes = LongestPrefixTable([(Prefix.parse("0.0.0.0/0"), "natgw"),
    ...                              (Prefix.parse("100.0.0.0/16"), "local")])
    >>> routes.lookup(Prefix.parse("100.0.5.0/24").first), routes.lookup(0)
    ('local', 'natgw')

    Raises
    ------
    ValueError
        When a prefix comes twice or the prefixes are of both families.
    """

    __slots__ = ("_items", "_starts", "_values")

    def __init__(self, entries: Iterable[tuple[Prefix, V]] = ()) -> None:
        self._items = tuple(sorted(entries, key=lambda entry: entry[0]))
        _refuse_mixture([prefix for prefix, _ in self._items])
        self._starts, self._values = _intervals(self._items)

    def lookup(self, value: int) -> V | None:
        """The value of the longest prefix around the address, or None."""
        return self._values[bisect_right(self._starts, value) - 1]

    def items(self) -> tuple[tuple[Prefix, V], ...]:
        """The entries, by address and then from the shorter prefix to the longer."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)


def _refuse_mixture(prefixes: Sequence[Prefix]) -> None:
    for one, other in pairwise(prefixes):
        if one == other:
            raise ValueError(f"{one}: the same prefix twice in one table")
        if one.family is not other.family:
            raise ValueError(f"{one} and {other}: both families in one table")


def _intervals(entries: Sequence[tuple[Prefix, V]]) -> tuple[list[int], list[V | None]]:
    """Where each interval starts, and the value that holds from there to the next start."""
    starts: list[int] = [0]
    values: list[V | None] = [None]

    def begin(start: int, value: V | None) -> None:
        if starts[-1] == start:
            values[-1] = value
        else:
            starts.append(start)
            values.append(value)

    def end_innermost() -> None:
        last, _ = around.pop()
        begin(last + 1, around[-1][1] if around else None)

    around: list[tuple[int, V]] = []  # the prefixes open at this point, the innermost last
    for prefix, value in entries:
        while around and around[-1][0] < prefix.first:
            end_innermost()
        begin(prefix.first, value)
        around.append((prefix.last, value))
    while around:
        end_innermost()
    return starts, values
