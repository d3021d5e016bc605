"""``dsflow schema`` and ``dsflow init``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dsflow import scenario
from dsflow.trace.schema import chain_schema
from tests.cli.conftest import Run


@pytest.mark.parametrize("subject", ["scenario", "trace"])
def test_schemas_are_json_schemas(run: Run, subject: str) -> None:
    code, out, err = run("schema", subject)
    assert (code, err) == (0, "")
    Draft202012Validator.check_schema(json.loads(out))


def test_schemas_are_the_ones_that_hold(run: Run) -> None:
    assert json.loads(run("schema", "scenario").out) == json.loads(json.dumps(scenario.json_schema()))
    assert json.loads(run("schema", "trace").out) == chain_schema()


def test_the_starter_is_a_scenario_that_holds(run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.yaml")
    assert run("init", file) == (0, "", f"{file} is written; next: dsflow run {file}\n")
    assert Path(file).read_text() == scenario.starter() == run("init", "-").out
    assert run("check", file).code == 0


def test_without_a_name_it_is_my_cluster(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "-q") == (0, "", "")
    assert [file.name for file in tmp_path.iterdir()] == ["my-cluster.yaml"]


def test_a_file_that_exists_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    assert run("init", str(file)) == (2, "", f"{file}: exists already: expected a new file's name\n")
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["nowhere/a.yaml", "a\0b"])
def test_a_place_that_cannot_be_written_is_exit_2(run: Run, tmp_path: Path, name: str) -> None:
    code, out, err = run("init", str(tmp_path / name))
    assert (code, out) == (2, "")
    assert "cannot be written: " in err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.TextIOWrapper):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    really_open = Path.open

    def opened(file: Path, mode: str = "r", **options: Any) -> Any:
        if mode != "x":
            return really_open(file, mode, **options)
        file.touch()
        return Full(io.BytesIO())

    monkeypatch.setattr(Path, "open", opened)
    code, _, err = run("init", str(tmp_path / "mine.yaml"))
    assert (code, err) == (2, f"{tmp_path}/mine.yaml: cannot be written: No space left on device\n")
    assert list(tmp_path.iterdir()) == []
