"""``dsflow assumptions``: the registry, and what a scenario's answers rest on."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_a_scenario_shows_what_it_takes_instead(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("apiVersion: dsflow/v1\nname: other\nbase: two-pods\nassumptions: {vcn-lowers-ttl: leaves}\n")
    assert main(["assumptions", str(file), "-o", "json"]) == 0
    entries = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)["assumptions"]}
    assert (entries["vcn-lowers-ttl"]["default"], entries["vcn-lowers-ttl"]["taken"]) == ("lowers", "leaves")
    assert entries["vcn-lowers-ttl"]["modelled"] == ["leaves"]
    file.write_text(file.read_text().replace("{vcn-lowers-ttl", "{kube-proxy-mode: nftables, vcn-lowers-ttl"))
    assert main(["assumptions", str(file)]) == 0
    table = capsys.readouterr().out
    assert " TAKEN " in table.splitlines()[0]
    assert next(line for line in table.splitlines() if line.startswith("vcn-lowers-ttl")).split()[-2] == "leaves"
    assert table.endswith("switched, and no answer rests on it: kube-proxy-mode: nftables.\n")
