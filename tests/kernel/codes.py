"""Types and codes of ICMP and ICMPv6 errors by family (RFC 792, RFC 1812 section 5.2.7.1, RFC 4443)."""

from __future__ import annotations

__all__ = [
    "ADMIN",
    "HOP_LIMIT",
    "NEIGHBOUR",
    "NO_ROUTE",
    "PORT",
    "PROHIBIT",
    "PROTOCOL",
    "SCOPE",
    "TOO_BIG",
    "UNREACHABLE",
]

Codes = dict[int, tuple[int, int]]

NO_ROUTE: Codes = {4: (3, 0), 6: (1, 0)}
UNREACHABLE: Codes = {4: (3, 1), 6: (1, 0)}
PROHIBIT: Codes = {4: (3, 13), 6: (1, 1)}
ADMIN: Codes = PROHIBIT
NEIGHBOUR: Codes = {4: (3, 1), 6: (1, 3)}
PORT: Codes = {4: (3, 3), 6: (1, 4)}
PROTOCOL: Codes = {4: (3, 2), 6: (4, 1)}
HOP_LIMIT: Codes = {4: (11, 0), 6: (3, 0)}
TOO_BIG: Codes = {4: (3, 4), 6: (2, 0)}
SCOPE: Codes = {6: (1, 2)}
