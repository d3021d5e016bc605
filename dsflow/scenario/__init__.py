"""Text to model and back: reading, overlays, checks, writing.

>>> from dsflow import scenario
>>> topology = scenario.build(scenario.read("two-pods"))
>>> topology.name, len(topology.pods)
('two-pods', 2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsflow.scenario.document import Document
from dsflow.scenario.embedded import names as embedded_names
from dsflow.scenario.embedded import starter
from dsflow.scenario.overlay import with_changes
from dsflow.scenario.reader import read
from dsflow.scenario.text import parse_value

if TYPE_CHECKING:
    from dsflow.model.topology import Topology

__all__ = [
    "Document",
    "build",
    "embedded_names",
    "json_schema",
    "parse_value",
    "read",
    "starter",
    "to_data",
    "to_yaml",
    "with_changes",
]


def build(document: Document) -> Topology:
    """The network that a scenario describes; see :func:`dsflow.scenario.builder.build`."""
    from dsflow.scenario import builder  # pydantic loads here and no earlier

    return builder.build(document)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario's text, for editors."""
    from dsflow.scenario import schema  # pydantic loads here and no earlier

    return schema.json_schema()


def to_data(topology: Topology) -> dict[str, Any]:
    """The scenario of a topology as plain data."""
    from dsflow.scenario import write

    return write.to_data(topology)


def to_yaml(topology: Topology) -> str:
    """The scenario of a topology as YAML text."""
    from dsflow.scenario import write

    return write.to_yaml(topology)
