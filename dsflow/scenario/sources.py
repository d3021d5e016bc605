"""Topologies without their sources, for those who ask whether two say the same."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from dsflow.model.topology import Topology

__all__ = ["without_sources"]

_LEFT_OUT: dict[str, Any] = {"source": "", "findings": ()}


def without_sources(topology: Topology) -> Topology:
    """The topology with every ``source`` empty and no findings, which quote sources."""
    stripped: Topology = _stripped(topology)
    return stripped


def _stripped(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        entries = ((field.name, getattr(value, field.name)) for field in fields(value))
        return replace(value, **{name: _LEFT_OUT.get(name, _stripped(entry)) for name, entry in entries})
    if isinstance(value, dict):
        return {key: _stripped(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_stripped, value))
    return value
