"""What machines say of their own accord about the link they are on, which a capture leaves out.  Pure."""

from __future__ import annotations

from dsflow.net.icmp import OF_THE_LINK
from dsflow.net.wire import ICMPV6

__all__ = ["icmpv6_type", "is_chatter"]

_IGMP = 2


def is_chatter(raw: bytes) -> bool:
    """Whether it is about the link alone: multicast membership in either family, and neighbour discovery.

    >>> is_chatter(bytes((0x46, *bytes(8), 2)) + bytes(14))
    True
    """
    if raw[:1] and raw[0] >> 4 == 4:
        return len(raw) > 9 and raw[9] == _IGMP
    return icmpv6_type(raw) in OF_THE_LINK


def icmpv6_type(raw: bytes) -> int | None:
    """The type of an ICMPv6 message, also behind the options that multicast listeners send; None for others."""
    if raw[:1] and raw[0] >> 4 != 6:
        return None
    if len(raw) > 40 and raw[6] == ICMPV6:
        return raw[40]
    if len(raw) > 48 and raw[6] == 0 and raw[40] == ICMPV6:
        return raw[48] if raw[41] == 0 else None
    return None
