"""Addresses and prefixes of both families, as integers over ``socket.inet_pton``.

Parsing is strict: a text either names one address in the form RFC 4291 section 2.2 or a dotted quad
allows, or it is refused with the reason.  Nothing here says whether an address is *private* or
*global*: in a VCN the bits do not tell (a VCN may use any range privately), so that judgement belongs
to the model.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import IntEnum
from functools import total_ordering

__all__ = ["Address", "Family", "Prefix"]


class Family(IntEnum):
    """An IP version, which is also its number: ``Family(4)``, ``Family.IPV6 == 6``.

    >>> str(Family.IPV6), Family.IPV4.bits, Family(6) is Family.IPV6
    ('ipv6', 32, True)
    """

    IPV4 = 4
    IPV6 = 6

    @property
    def bits(self) -> int:
        """The length of an address in bits."""
        return 32 if self is Family.IPV4 else 128

    @property
    def title(self) -> str:
        """The name as prose writes it: ``IPv4`` or ``IPv6``."""
        return f"IPv{self.value}"

    def __str__(self) -> str:
        return f"ipv{self.value}"


_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


def _refusal(text: str) -> str | None:
    """Why ``text`` is refused although some parsers take it, or None."""
    if text != text.strip():
        return "blanks around an address"
    if "%" in text:
        return "a zone (the part from % on) means something on one host only"
    if "/" in text:
        return "an address without a prefix length"
    if ":" not in text or "." in text:
        quad = text.rpartition(":")[2]
        if any(len(part) > 1 and part[0] == "0" for part in quad.split(".")):
            return "a leading zero, which some programs read as octal"
    return None


@total_ordering
@dataclass(frozen=True, slots=True)
class Address:
    """One address: a family and an integer.

    >>> Address.parse("100.0.5.102"), str(Address.parse("FD00:100:0:4::1"))
    (Address.parse('100.0.5.102'), 'fd00:100:0:4::1')
    >>> Address.parse("010.0.0.1")
    Traceback (most recent call last):
    ValueError: "010.0.0.1": a leading zero, which some programs read as octal
    """

    family: Family
    value: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that ``text`` names.

        Raises
        ------
        ValueError
            With the text and the reason, when it names no address or is ambiguous.
        """
        if reason := _refusal(text):
            raise ValueError(f'"{text}": {reason}')
        family = Family.IPV6 if ":" in text else Family.IPV4
        try:
            packed = socket.inet_pton(_AF[family], text)
        except (OSError, ValueError):  # ValueError: an embedded null character
            raise ValueError(f'"{text}": not an IPv4 or IPv6 address') from None
        return cls(family, int.from_bytes(packed, "big"))

    @classmethod
    def from_packed(cls, packed: bytes) -> Address:
        """The address in network byte order: 4 or 16 bytes."""
        return cls(Family.IPV4 if len(packed) == 4 else Family.IPV6, int.from_bytes(packed, "big"))

    @property
    def packed(self) -> bytes:
        """The address in network byte order: 4 or 16 bytes."""
        return self.value.to_bytes(self.family.bits // 8, "big")

    def __str__(self) -> str:
        return format_address(self.family, self.value)

    def __repr__(self) -> str:
        return f"Address.parse({str(self)!r})"

    def __lt__(self, other: Address) -> bool:
        return (self.family, self.value) < (other.family, other.value)


def format_address(family: int, value: int) -> str:
    """The canonical text (RFC 5952) of an address given as two numbers.

    >>> format_address(6, 1), format_address(6, 0x10002)
    ('::1', '::1:2')
    """
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))
    if 0xFFFF < value <= 0xFFFF_FFFF:  # C libraries differ: some print the last 32 bits as a dotted quad here
        return f"::{value >> 16:x}:{value & 0xFFFF:x}"
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


@total_ordering
@dataclass(frozen=True, slots=True)
class Prefix:
    """The addresses that share their first ``length`` bits with ``value``.

    >>> pods = Prefix.parse("fd00:100:0:4::/64")
    >>> Address.parse("fd00:100:0:4:0:6ed9:2497:6dd8") in pods, pods.first, pods.last == pods.first
    (True, 336294703215993319570120586493016670208, False)
    >>> Prefix.parse("10.0.0.1/24")
    Traceback (most recent call last):
    ValueError: "10.0.0.1/24": bits are set beyond the prefix length; did you mean 10.0.0.0/24?
    """

    family: Family
    value: int
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """The prefix that ``text`` names, ``ADDRESS/LENGTH`` with no bits set beyond the length.

        Raises
        ------
        ValueError
            With the text and the reason.
        """
        head, slash, tail = text.partition("/")
        if not slash:
            raise ValueError(f'"{text}": a prefix length is missing, as in {text}/24')
        try:
            address = Address.parse(head)
        except ValueError as error:
            raise ValueError(f'"{text}": {str(error).partition(": ")[2]}') from None
        canonical = tail.isascii() and tail.isdigit() and (tail == "0" or tail[0] != "0")
        if not canonical or int(tail) > address.family.bits:
            raise ValueError(f'"{text}": the prefix length is 0-{address.family.bits} for {address.family.title}')
        prefix = cls.around(address, int(tail))
        if prefix.value != address.value:
            raise ValueError(f'"{text}": bits are set beyond the prefix length; did you mean {prefix}?')
        return prefix

    @classmethod
    def around(cls, address: Address, length: int) -> Prefix:
        """The prefix of ``length`` bits that holds ``address``."""
        host_bits = address.family.bits - length
        return cls(address.family, address.value >> host_bits << host_bits, length)

    @property
    def first(self) -> int:
        """The lowest address, as an integer."""
        return self.value

    @property
    def last(self) -> int:
        """The highest address, as an integer."""
        return self.value | ((1 << (self.family.bits - self.length)) - 1)

    def __contains__(self, other: Address | Prefix) -> bool:
        if isinstance(other, Prefix) and other.length < self.length:
            return False
        return other.family == self.family and self.first <= other.value <= self.last

    def overlaps(self, other: Prefix) -> bool:
        """Whether any address is in both."""
        return self in other or other in self

    def __str__(self) -> str:
        return f"{format_address(self.family, self.value)}/{self.length}"

    def __repr__(self) -> str:
        return f"Prefix.parse({str(self)!r})"

    def __lt__(self, other: Prefix) -> bool:
        return (self.family, self.value, self.length) < (other.family, other.value, other.length)
