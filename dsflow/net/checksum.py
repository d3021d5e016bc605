"""The Internet checksum, whole and incremental, as arithmetic modulo 65535.

A one's complement sum of 16-bit words is the same number modulo 0xFFFF as the words read as one long
integer, because 2**16 leaves the remainder 1.  So a sum over a whole packet is one ``int.from_bytes`` and
one division, and an address of 128 bits may stand in a sum as it is.
"""

from __future__ import annotations

__all__ = ["internet_checksum", "transport_checksum", "updated"]


def internet_checksum(data: bytes | bytearray | memoryview) -> int:
    """The checksum of ``data`` as if its own checksum field were zero (RFC 1071).

    Over data that carries its checksum the result is 0 when that checksum is right.  An odd last byte is
    padded with a zero byte.

    >>> hex(internet_checksum(bytes.fromhex("0001f203f4f5f6f7")))  # the example of RFC 1071 section 3
    '0x220d'
    """
    number = int.from_bytes(data, "big")
    if len(data) % 2:
        number <<= 8
    return _complement(number)


def transport_checksum(src: int, dst: int, protocol: int, message: bytes | memoryview) -> int:
    """The checksum of an upper-layer message under the pseudo-header of either family.

    The pseudo-headers of RFC 768, RFC 9293 section 3.1 and RFC 8200 section 8.1 lay out the same four
    numbers differently, and to the same sum.
    """
    number = int.from_bytes(message, "big")
    if len(message) % 2:
        number <<= 8
    return _complement(number + src + dst + protocol + len(message))


def updated(checksum: int, old: int, new: int) -> int:
    """The checksum after the covered value ``old`` became ``new`` (RFC 1624 equation 3).

    Values may be of any width of whole 16-bit words, and sums of such values, so that several changes take
    one call.  The result is never 0xFFFF, which is right unless all that is covered is zero; what a zero
    means in UDP is the caller's affair too.

    >>> hex(updated(0xDD2F, 0x5555, 0x3285))  # the example of RFC 1624 section 4
    '0x0'
    """
    return (checksum + old - new) % 0xFFFF


def _complement(number: int) -> int:
    """The one's complement of a sum; 0xFFFF only for a sum of nothing but zeros."""
    return -number % 0xFFFF if number else 0xFFFF
