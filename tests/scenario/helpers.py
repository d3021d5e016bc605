"""What the scenario tests share: a small valid scenario, changed by dotted path, and the problems of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsflow import scenario
from dsflow.errors import ScenarioError
from dsflow.model.topology import Topology

TEXT = Path(__file__).parents[2] / "scenarios" / "two-pods.yaml"


def built(changes: dict[str, Any], base: str | dict[str, Any] = "oke-sydney") -> Topology:
    """The topology of an embedded scenario with changes."""
    return scenario.build(scenario.with_changes(scenario.read(base), changes))


def problems(changes: dict[str, Any], base: str | dict[str, Any] = "oke-sydney") -> list[str]:
    """The paths and texts of what is wrong with a changed scenario, in order."""
    with pytest.raises(ScenarioError) as caught:
        built(changes, base)
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


def problems_of_text(text: str | bytes, folder: Path) -> list[str]:
    """The problems of a scenario written to ``s.yaml``, each without its folder."""
    file = folder / "s.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScenarioError) as caught:
        scenario.build(scenario.read(file))
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]
