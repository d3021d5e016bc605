"""``dsflow lab``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.lab.hand import needs_lab


def test_plan_prints_a_script(run: Run) -> None:
    result = run("lab", "plan", "two-routers")
    assert result.code == 0
    assert result.out.startswith("#!/bin/sh\n")
    assert "# dsl-0: device/h0" in result.out


def test_verify_without_root_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run("lab", "verify", "two-routers")
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("the lab needs root")


def test_lab_alone_says_what_is_missing(run: Run) -> None:
    result = run("lab")
    assert result.code == 2
    assert "COMMAND" in result.err


def test_probes_and_random_exclude_each_other(run: Run) -> None:
    assert run("lab", "verify", "two-routers", "--random", "3", "--probes", "x").code == 2
    assert run("lab", "verify", "two-routers", "--random", "0").code == 2


def test_a_bad_probe_file_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text("{}")
    result = run("lab", "verify", "two-routers", "--probes", str(file))
    assert result.code == 2
    assert result.err == f"{file}:1: device and packet missing\n"


@needs_lab
def test_verify_tells_of_agreement(run: Run) -> None:
    result = run("lab", "verify", "two-routers")
    assert result.code == 0
    assert result.out.splitlines()[-1].endswith("no disagreements")


@needs_lab
def test_verify_as_json(run: Run, tmp_path: Path) -> None:
    drawn = run("lab", "verify", "two-routers", "--random", "3", "-o", "json")
    found = json.loads(drawn.out)
    assert found["probes"] == 3
    file = tmp_path / "p.jsonl"
    file.write_text("\n".join(json.dumps(outcome["probe"]) for outcome in found["outcomes"]))
    again = json.loads(run("lab", "verify", "two-routers", "--probes", str(file), "-o", "json").out)
    assert again == found


@needs_lab
def test_nothing_compared_is_a_failure(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text("")
    result = run("lab", "verify", "two-pods", "--probes", str(file))
    assert result.code == 1
    assert "nothing was compared" in result.err
