"""Any bytes as header fields with names, down to what an ICMP error quotes; nothing is refused.

Made for comparison: whoever compares two packets goes through their fields, the outer ones first, and leaves out
those that nobody can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dsflow.net.checksum import internet_checksum, transport_checksum
from dsflow.net.wire import ICMP, ICMPV6, TCP, UDP

__all__ = ["Value", "read_fields"]

Value = int | str | bool | None

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _OPTIONS = 0, 43, 44, 60
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _OPTIONS})
_ECHOES: Final = {ICMP: frozenset({0, 8}), ICMPV6: frozenset({128, 129})}
_ERRORS: Final = {ICMP: frozenset({3, 4, 5, 11, 12}), ICMPV6: frozenset({1, 2, 3, 4})}


def read_fields(raw: bytes, prefix: str = "") -> Mapping[str, Value]:
    """The fields by name; those of a quoted packet begin with ``quote.``.

    ``…checksum_holds`` is None where the bytes are too few to tell: in fragments and in cut quotes.

    >>> from dsflow.net.build import first_packet
    >>> fields = read_fields(first_packet(4, "udp", 1, 2, dport=53).raw)
    >>> fields["ipv4.ttl"], fields["udp.dport"], fields["udp.checksum_holds"]
    (64, 53, True)
    """
    found: dict[str, Value] = {}
    if len(raw) >= 20 and raw[0] >> 4 == 4:
        _read_ipv4(raw, prefix, found)
    elif len(raw) >= 40 and raw[0] >> 4 == 6:
        _read_ipv6(raw, prefix, found)
    else:
        found[f"{prefix}bytes"] = raw.hex()
    return found


def _word(raw: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(raw[at : at + size], "big")


def _read_ipv4(raw: bytes, prefix: str, found: dict[str, Value]) -> None:
    name = f"{prefix}ipv4."
    header, length = (raw[0] & 0x0F) * 4, _word(raw, 2)
    place = _word(raw, 6)
    found |= {
        f"{name}src": _dotted(raw[12:16]),
        f"{name}dst": _dotted(raw[16:20]),
        f"{name}protocol": raw[9],
        f"{name}ttl": raw[8],
        f"{name}length": length,
        f"{name}bytes": len(raw),
        f"{name}header_bytes": header,
        f"{name}dont_fragment": bool(place & 0x4000),
        f"{name}more_fragments": bool(place & 0x2000),
        f"{name}fragment_offset": (place & 0x1FFF) * 8,
        f"{name}tos": raw[1],
        f"{name}id": _word(raw, 4),
        f"{name}options": raw[20:header].hex(),
        f"{name}reserved_bit": bool(place & 0x8000),
        f"{name}checksum": _word(raw, 10),
        f"{name}checksum_holds": internet_checksum(raw[:header]) == 0,
    }
    whole = len(raw) == length and not place & 0x3FFF
    if place & 0x1FFF:
        found[f"{prefix}payload"] = raw[header:].hex()
    else:
        _read_upper(raw, header, raw[9], prefix, found, whole=whole)


def _dotted(packed: bytes) -> str:
    return ".".join(map(str, packed))


def _read_ipv6(raw: bytes, prefix: str, found: dict[str, Value]) -> None:
    name = f"{prefix}ipv6."
    found |= {
        f"{name}src": raw[8:24].hex(":", 2),
        f"{name}dst": raw[24:40].hex(":", 2),
        f"{name}next_header": raw[6],
        f"{name}hop_limit": raw[7],
        f"{name}length": _word(raw, 4) + 40,
        f"{name}bytes": len(raw),
        f"{name}traffic_class": _word(raw, 0) >> 4 & 0xFF,
        f"{name}flow_label": _word(raw, 0, 4) & 0xFFFFF,
    }
    protocol, at, offset, fragment = _skip_extensions(raw, name, found)
    whole = len(raw) == _word(raw, 4) + 40 and not fragment
    if offset:
        found[f"{prefix}payload"] = raw[at:].hex()
    else:
        _read_upper(raw, at, protocol, prefix, found, whole=whole)


def _skip_extensions(raw: bytes, name: str, found: dict[str, Value]) -> tuple[int, int, int, bool]:
    """The upper protocol, where it begins, the fragment's offset, and whether there is more than this piece."""
    protocol, at, offset, fragment = raw[6], 40, 0, False
    others = b""
    while protocol in _EXTENSIONS and at + 8 <= len(raw) and not offset:
        if protocol == _FRAGMENT:
            place = _word(raw, at + 2)
            offset, fragment = place & 0xFFF8, bool(place & 0xFFF9)
            found[f"{name}fragment_offset"] = offset
            found[f"{name}more_fragments"] = bool(place & 1)
            found[f"{name}fragment_id"] = _word(raw, at + 4, 4)
            found[f"{name}fragment_next_header"] = raw[at]
            found[f"{name}fragment_reserved"] = raw[at + 1] << 8 | place & 6
            size = 8
        else:
            size = (raw[at + 1] + 1) * 8
            others += raw[at : at + size]
        protocol, at = raw[at], at + size
    if others:
        found[f"{name}extensions"] = others.hex()
    return protocol, at, offset, fragment


def _read_upper(raw: bytes, at: int, protocol: int, prefix: str, found: dict[str, Value], *, whole: bool) -> None:
    room = len(raw) - at
    if protocol == TCP and room >= 20:
        _read_tcp(raw[at:], prefix, found)
    elif protocol == UDP and room >= 8:
        _read_udp(raw[at:], prefix, found)
    elif protocol in _ECHOES and room >= 8:
        _read_icmp(raw[at:], protocol, prefix, found)
    else:
        _read_rest(raw[at:], protocol, prefix, found)
        return
    word = {TCP: "tcp", UDP: "udp"}.get(protocol, "icmp")
    found[f"{prefix}{word}.checksum_holds"] = _holds(raw, at, protocol) if whole else None


def _holds(raw: bytes, at: int, protocol: int) -> bool:
    message = raw[at:]
    if protocol == ICMP:
        return internet_checksum(message) == 0
    if protocol == UDP and not _word(message, 6):
        return raw[0] >> 4 == 4  # RFC 768: none; RFC 8200 section 8.1 does not allow that
    src, dst = (raw[12:16], raw[16:20]) if raw[0] >> 4 == 4 else (raw[8:24], raw[24:40])
    pseudo = int.from_bytes(src, "big"), int.from_bytes(dst, "big")
    return transport_checksum(*pseudo, protocol, message) == 0


def _read_tcp(message: bytes, prefix: str, found: dict[str, Value]) -> None:
    name, header = f"{prefix}tcp.", (message[12] >> 4) * 4
    found |= {
        f"{name}sport": _word(message, 0),
        f"{name}dport": _word(message, 2),
        f"{name}flags": _flags(message[13]),
        f"{name}sequence": _word(message, 4, 4),
        f"{name}acknowledgement": _word(message, 8, 4),
        f"{name}window": _word(message, 14),
        f"{name}urgent": _word(message, 18),
        f"{name}header_bytes": header,
        f"{name}reserved": message[12] & 0x0F,
        f"{name}options": message[20:header].hex(),
        f"{prefix}payload": message[max(header, 20) :].hex(),
        f"{name}checksum": _word(message, 16),
    }


_FLAGS = "FSRPAUEC"


def _flags(octet: int) -> str:
    return "".join(letter for place, letter in enumerate(_FLAGS) if octet >> place & 1)


def _read_udp(message: bytes, prefix: str, found: dict[str, Value]) -> None:
    name = f"{prefix}udp."
    found |= {
        f"{name}sport": _word(message, 0),
        f"{name}dport": _word(message, 2),
        f"{name}length": _word(message, 4),
        f"{prefix}payload": message[8:].hex(),
        f"{name}checksum": _word(message, 6),
    }


def _read_icmp(message: bytes, protocol: int, prefix: str, found: dict[str, Value]) -> None:
    name, kind = f"{prefix}icmp.", message[0]
    found |= {f"{name}type": kind, f"{name}code": message[1]}
    if kind in _ECHOES[protocol]:
        found |= {f"{name}id": _word(message, 4), f"{name}sequence": _word(message, 6)}
    else:
        found[f"{name}rest"] = message[4:8].hex()
    if kind in _ERRORS[protocol]:
        found |= read_fields(message[8:], f"{prefix}quote.")
    else:
        found[f"{prefix}payload"] = message[8:].hex()
    found[f"{name}checksum"] = _word(message, 2)


def _read_rest(message: bytes, protocol: int, prefix: str, found: dict[str, Value]) -> None:
    """What has no name; of a TCP or UDP header cut short in a quote, the ports."""
    if protocol in (TCP, UDP) and len(message) >= 4:
        word = "tcp" if protocol == TCP else "udp"
        found |= {f"{prefix}{word}.sport": _word(message, 0), f"{prefix}{word}.dport": _word(message, 2)}
        message = message[4:]
    found[f"{prefix}payload"] = message.hex()
