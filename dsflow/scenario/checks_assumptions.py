"""What must hold of the assumptions that a scenario switches."""

from __future__ import annotations

from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.model.topology import Topology
from dsflow.scenario.document import show
from dsflow.scenario.parsed import Parsed

__all__ = ["assumptions"]


def assumptions(topology: Topology, parsed: Parsed) -> None:
    """Each is one of the registry, and switched to what dsflow can do."""
    for name, value in topology.assumptions.items():
        path = ("assumptions", name)
        entry = ASSUMPTIONS.get(name)
        if entry is None:
            parsed.report_unknown(path, name, "assumption", ASSUMPTIONS)
            continue
        if value not in entry.choices:
            not_modelled = ", which is not modelled" if value in entry.alternatives else ""
            parsed.report(path, f"{show(value)}{not_modelled}", " or ".join(entry.choices))
