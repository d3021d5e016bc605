"""Scenarios by name, path, standard input or mapping."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dsflow import scenario
from dsflow.errors import HostError, ScenarioError, UsageError
from dsflow.scenario import text
from tests.scenario.helpers import TEXT


def test_a_scenario_is_read_by_name_path_text_and_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = TEXT.read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    sources = [scenario.read(source) for source in ("two-pods", TEXT, str(TEXT), "-")]
    sources += [scenario.read("-", stdin=io.BytesIO(raw)), scenario.read(sources[0].data)]
    assert all(document.data == sources[0].data for document in sources)
    assert sources[3].file == "<stdin>"


def test_a_name_that_is_neither_embedded_nor_a_file_is_the_callers_fault() -> None:
    with pytest.raises(
        UsageError, match='"oke-sidney": neither an embedded scenario nor a file; did you mean "oke-sydney"'
    ):
        scenario.read("oke-sidney")
    with pytest.raises(UsageError, match="oke-sydney-gua, oke-virtual-nodes, onprem-firewall"):
        scenario.read("zebra")


@pytest.mark.parametrize("name", ["missing.yaml", "some/where", "."])
def test_a_file_that_cannot_be_read_is_the_hosts_fault(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HostError, match="cannot read"):
        scenario.read(name)


def test_a_null_character_in_a_path_is_told() -> None:
    with pytest.raises(HostError, match="cannot read"):
        scenario.read("a\0b.yaml")


def test_a_name_that_is_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("apiVersion: dsflow/v1\nname: mine\n")
    assert scenario.read("mine").data["name"] == "mine"


def test_no_more_than_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= text.SIZE_LIMIT_BYTES + 1
            return b"x" * size

    monkeypatch.setattr(text, "SIZE_LIMIT_BYTES", 1000)
    with pytest.raises(ScenarioError, match="of text: expected a scenario"):
        scenario.read("-", stdin=Endless())  # type: ignore[arg-type]  # all that is asked of it is read()
