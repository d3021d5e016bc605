"""Ranges: of ports, and of addresses as the prefixes that cover them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dsflow.net.address import Family, Prefix

__all__ = ["PortRange", "cover"]

_HIGHEST = 0xFFFF


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from ``first`` to ``last``, both included.

    >>> 1173 in PortRange.parse("1000-2000"), str(PortRange.parse("80")), str(PortRange.any)
    (True, '80', '0-65535')
    """

    any: ClassVar[PortRange]
    """Every port, 0 included."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= _HIGHEST:
            raise ValueError(f"{self.first}-{self.last}: ports are 0-{_HIGHEST}, the lower one first")

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """The range that ``text`` names: one port or two with a dash between.

        Raises
        ------
        ValueError
            With the text and the reason.
        """
        head, dash, tail = text.partition("-")
        first = _port(head, text)
        last = _port(tail, text) if dash else first
        if last < first:
            raise ValueError(f'"{text}": the lower port comes first; did you mean {last}-{first}?')
        return cls(first, last)

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


PortRange.any = PortRange(0, _HIGHEST)


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f'"{text}": expected a port or a range of ports, as in 80 or 1000-2000')
    if digits[0] == "0" and digits != "0":
        raise ValueError(f'"{text}": a leading zero, which some programs read as octal')
    if len(digits) > 5 or int(digits) > _HIGHEST:
        raise ValueError(f'"{text}": ports are 0-{_HIGHEST}')
    return int(digits)


def cover(first: int, last: int, family: Family) -> tuple[Prefix, ...]:
    """The fewest prefixes that hold the addresses from ``first`` to ``last`` and no others, in order.

    >>> [str(prefix) for prefix in cover(1, 4, Family.IPV4)]
    ['0.0.0.1/32', '0.0.0.2/31', '0.0.0.4/32']
    """
    if not 0 <= first <= last < 1 << family.bits:
        raise ValueError(f"{first}-{last}: not a range of {family.title} addresses, the lower one first")
    prefixes = []
    while first <= last:
        host_bits = min(_trailing_zeros(first, family.bits), (last - first + 1).bit_length() - 1)
        prefixes.append(Prefix(family, first, family.bits - host_bits))
        first += 1 << host_bits
    return tuple(prefixes)


def _trailing_zeros(number: int, bits: int) -> int:
    return (number & -number).bit_length() - 1 if number else bits
