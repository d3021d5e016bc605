"""Chains as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsflow.errors import HostError
from dsflow.report.jsonl import write_chains
from tests.answers import ANSWERS


def test_every_line_is_one_chain(tmp_path: Path) -> None:
    write_chains(ANSWERS.values(), tmp_path / "chains.jsonl")
    lines = (tmp_path / "chains.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(json.dumps(chain.to_json())) for chain in ANSWERS.values()
    ]


def test_the_same_chains_are_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_chains(iter(ANSWERS.values()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        write_chains(ANSWERS.values(), tmp_path / "missing" / "chains.jsonl")
    assert list(tmp_path.iterdir()) == []
