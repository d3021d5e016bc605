"""Packets that no chain holds although they are right: notes to the sender, and the sender's own resets.  Pure.

A probe is a packet without a connection behind it.  When a listener answers it, the sender's kernel knows nothing
of the connection and resets it (RFC 9293 section 3.10.7.1): that reset is no part of the probe's chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsflow.lab.compare import Expected
from dsflow.lab.fields import Value, read_fields

__all__ = [
    "is_later_segment",
    "is_own_reset",
    "is_redirect",
    "is_refusal",
    "is_told_of",
    "is_unreachable",
    "opens_nothing",
    "reset_rule",
]

_REDIRECTS = ((4, 5), (6, 137))
_REQUESTS = (8, 128)
_UNREACHABLES = {4: (3, 1), 6: (1, 3)}


def is_redirect(raw: bytes) -> bool:
    """Whether it tells the sender of a better first hop (RFC 792, RFC 4861): a note, compared as such elsewhere."""
    return (_version(raw), read_fields(raw).get("icmp.type")) in _REDIRECTS


def is_refusal(raw: bytes) -> bool:
    """Whether it refuses another packet: an ICMP error, or a TCP reset."""
    fields = read_fields(raw)
    return "R" in str(fields.get("tcp.flags", "")) or any(name.startswith("quote.") for name in fields)


def is_unreachable(raw: bytes) -> bool:
    """Whether it says that a neighbour did not answer."""
    fields = read_fields(raw)
    return (fields.get("icmp.type"), fields.get("icmp.code")) == _UNREACHABLES.get(_version(raw))


def is_own_reset(raw: bytes, expected: Sequence[Expected]) -> bool:
    """Whether it is the sender's reset of the answer to its SYN, or an error about that reset."""
    answers = (read_fields(packet.raw) for packet in expected)
    resets = {
        (*reversed(_ends(fields)), fields["tcp.acknowledgement"])
        for fields in answers
        if fields.get("tcp.flags") in ("SA", "SAE")
    }
    found = read_fields(raw)
    return any(_is_reset(found, prefix, resets) for prefix in ("", "quote."))


def is_later_segment(raw: bytes) -> bool:
    """Whether it belongs to a connection after its opening: data, acknowledgements and the orderly end."""
    flags = read_fields(raw).get("tcp.flags")
    return isinstance(flags, str) and not {"S", "R"} & set(flags)


def opens_nothing(raw: bytes) -> bool:
    """Whether connection tracking finds it invalid as the first of a connection.

    A segment with neither a SYN alone nor a bare ACK; ICMP that asks for nothing.
    """
    fields = read_fields(raw)
    if "icmp.type" in fields:
        return fields["icmp.type"] not in _REQUESTS
    flags = fields.get("tcp.flags")
    return isinstance(flags, str) and set(flags) - {"P", "U", "E", "C"} not in ({"S"}, {"A"})


def is_told_of(raw: bytes, refused: bytes) -> bool:
    """Whether it tells the source of a packet that the packet is refused: an ICMP error or a reset.

    Or whether it is an error about such a reset.
    """
    found, sent = read_fields(raw), read_fields(refused)
    header = "ipv4" if "ipv4.src" in sent else "ipv6"
    src, dst = sent.get(f"{header}.src"), sent.get(f"{header}.dst")
    if "R" in str(found.get("tcp.flags", "")):
        return (found.get(f"{header}.src"), found.get(f"{header}.dst")) == (dst, src)
    return (found.get(f"quote.{header}.src"), found.get(f"quote.{header}.dst")) in ((src, dst), (dst, src))


def reset_rule(probe: bytes) -> str | None:
    """What the sender's own reset matches, in the words of nft; None for a probe that no SYN-ACK answers."""
    fields = read_fields(probe)
    if fields.get("tcp.flags") != "S":
        return None
    family = "ip" if "ipv4.src" in fields else "ip6"
    ends = f"{family} saddr {fields[f'{_HEADER[family]}.src']} {family} daddr {fields[f'{_HEADER[family]}.dst']}"
    return f"{ends} tcp sport {fields['tcp.sport']} tcp dport {fields['tcp.dport']} tcp flags & rst == rst"


_HEADER = {"ip": "ipv4", "ip6": "ipv6"}


def _is_reset(fields: Mapping[str, Value], prefix: str, resets: set[tuple[Value, ...]]) -> bool:
    """Whether it is one of the resets: by its addresses and sequence number, as its ports may be drawn on the way."""
    sequence = fields.get(f"{prefix}tcp.sequence")
    return fields.get(f"{prefix}tcp.flags") == "R" and (*_ends(fields, prefix), sequence) in resets


def _ends(fields: Mapping[str, Value], prefix: str = "") -> tuple[Value, Value]:
    header = f"{prefix}ipv4" if f"{prefix}ipv4.src" in fields else f"{prefix}ipv6"
    return fields.get(f"{header}.src"), fields.get(f"{header}.dst")


def _version(raw: bytes) -> int:
    return raw[0] >> 4 if raw else 0
