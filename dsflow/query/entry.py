"""One object of a listing."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Entry"]


class Entry(NamedTuple):
    """One object: its id, and a value for every column (None or empty where it has none)."""

    id: str
    values: tuple[Any, ...]
