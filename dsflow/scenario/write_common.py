"""What the writers of a scenario's parts share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dsflow.net.ranges import PortRange

__all__ = ["ports", "said", "text", "texts"]


def said(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that say something: neither None nor an empty list or mapping."""
    return {key: value for key, value in entries.items() if value is not None and value not in ([], {})}


def text(value: object | None) -> str | None:
    """The value as text; None stays None."""
    return None if value is None else str(value)


def texts(values: Iterable[object]) -> list[str]:
    """Each value as text."""
    return [str(value) for value in values]


def ports(found: PortRange | None) -> int | str | None:
    """A port as a number, a range as text."""
    if found is None:
        return None
    return found.first if found.first == found.last else str(found)
