"""Questions that a scenario brings along, and what it expects of their answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsflow.net.address import Family

__all__ = ["Expectation", "Flow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The first packet of one question: two ends as text, a family, a protocol and header fields."""

    origin: str
    target: str
    family: Family
    protocol: str = "tcp"
    sport: int | None = None
    dport: int | None = None
    ttl: int = 64
    size_bytes: int | None = None
    dont_fragment: bool | None = None
    source_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A flow and what must hold of it.  ``expected`` has only the keys the author wrote."""

    flow: Flow
    expected: tuple[tuple[str, object], ...] = field(default=())
    source: str = ""
