"""``dsflow assumptions``: the registry, and what a scenario's answers rest on."""

from __future__ import annotations

import json

import pytest

from dsflow.cli import main
from dsflow.model.assumptions import ASSUMPTIONS


def test_the_registry_tells_of_each_what_else_could_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assumptions"]) == 0
    told = capsys.readouterr().out
    for entry in ASSUMPTIONS.values():
        assert f"\n{entry.id} " in told
        assert entry.statement in told
        assert all(other in told for other in entry.alternatives)


def test_a_scenario_lists_only_what_its_answers_rest_on(capsys: pytest.CaptureFixture[str]) -> None:
    """With how many: the two profiles rest on different ones."""
    found = {}
    for name in ("oke-sydney-gua", "oke-sydney-as-built"):
        assert main(["assumptions", name, "-o", "json"]) == 0
        data = json.loads(capsys.readouterr().out)
        found[name] = {entry["id"]: entry["answers"] for entry in data["assumptions"]}
        assert all(0 < answers <= data["asked"] for answers in found[name].values())
    assert "proxy-keeps-family" in found["oke-sydney-gua"]
    assert "proxy-keeps-family" not in found["oke-sydney-as-built"]
    assert "vcn-lowers-ttl" in found["oke-sydney-as-built"]


def test_plain_devices_rest_on_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assumptions", "two-routers"]) == 0
    assert capsys.readouterr().out.endswith("questions were asked: the main job's and the scenario's own.\n")
