"""Options of IP headers that some machine on the way would have to act on, which none here does."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.net.wire import DESTINATION_OPTIONS, HOP_BY_HOP, extension_headers

__all__ = ["unmodelled_option"]

_WRITTEN_INTO = {7: "record route", 68: "timestamp"}
"""The options of IPv4 that routers write into (RFC 791 section 3.1)."""

_UNDERSTOOD = frozenset({0, 1, 5})
"""The options of IPv6 that anybody passes over: padding (RFC 8200 section 4.2) and router alert (RFC 2711)."""


def unmodelled_option(raw: bytes) -> str | None:
    """The option of a well-formed packet that is not modelled, in words, or None.

    >>> unmodelled_option(bytes((0x46, 0)) + bytes(18) + bytes((7, 3, 4, 0)))
    'the IPv4 option record route'
    """
    if raw[0] >> 4 == 4:
        kinds = (kind for kind in _ipv4_options(raw[20 : (raw[0] & 0x0F) * 4]))
        return next((f"the IPv4 option {_WRITTEN_INTO[kind]}" for kind in kinds if kind in _WRITTEN_INTO), None)
    for header, at in extension_headers(raw):
        if header in (HOP_BY_HOP, DESTINATION_OPTIONS):
            for kind in _ipv6_options(raw[at + 2 : at + (raw[at + 1] + 1) * 8]):
                if kind >> 6 and kind not in _UNDERSTOOD:  # whoever does not know it must turn the packet down
                    return f"the IPv6 option {kind}"
    return None


def _ipv4_options(options: bytes) -> Iterator[int]:
    at = 0
    while at < len(options) and options[at] != 0:
        yield options[at]
        at += 1 if options[at] == 1 else max(int.from_bytes(options[at + 1 : at + 2], "big"), 2)


def _ipv6_options(options: bytes) -> Iterator[int]:
    at = 0
    while at < len(options):
        yield options[at]
        at += 1 if options[at] == 0 else 2 + int.from_bytes(options[at + 1 : at + 2], "big")
