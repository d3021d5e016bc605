"""``dsflow run``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsflow.trace.chain import PathType
from tests.cli.conftest import Run

RESULTS = ["chains.jsonl", "flows.pcapng", "latency.csv", "report.html"]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_without_words_it_is_the_articles_matrix(run: Run) -> None:
    code, out, err = run("run")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("egress         ipv6"))
    assert "scope-unroutable" in lines[at]
    assert "not globally routable" in lines[at + 1]
    assert "to mend: " in lines[at + 1]
    assert "flexible load balancers reach their backends over IPv4" in lines[-1]


def test_all_paths_are_delivered_with_global_addresses_and_the_results_written(run: Run, tmp_path: Path) -> None:
    code, out, err = run("run", "oke-sydney-gua", "--out", str(tmp_path / "out"), "-v")
    assert code == 0
    assert err.splitlines()[-1] == f"written to {tmp_path}/out: chains.jsonl, latency.csv, flows.pcapng, report.html"
    assert out.count(" delivered ") == 10
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == RESULTS
    chains = [json.loads(line) for line in (tmp_path / "out" / "chains.jsonl").read_text().splitlines()]
    assert [(chain["path_type"], chain["question"]["family"]) for chain in chains] == [
        (str(path), family) for path in PathType if path is not PathType.ON_PREMISES for family in ("ipv4", "ipv6")
    ]


def test_a_run_repeats_to_the_byte(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run("run", "two-pods", "--seed", "3", "--out", str(tmp_path / name)).code == 0
    for name in RESULTS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_seed_makes_other_estimates(run: Run) -> None:
    assert run("run", "two-pods").out != run("run", "two-pods", "--seed", "1").out


def test_an_existing_folder_keeps_its_other_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "latency.csv").write_text("old")
    assert run("run", "two-pods", "--out", str(tmp_path)).code == 0
    assert names(tmp_path) == sorted([*RESULTS, "notes.txt"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "latency.csv").read_text() != "old"


def test_a_place_that_cannot_be_written_is_exit_2_and_nothing_is_left(run: Run, tmp_path: Path) -> None:
    """Below a file even root cannot write."""
    (tmp_path / "file").write_text("mine")
    code, out, err = run("run", "two-pods", "--out", str(tmp_path / "file" / "out"))
    assert (code, out) == (2, "")
    assert err == f"{tmp_path}/file/out: cannot be written: {tmp_path}/file is no folder\n"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_fails_at_the_last_file_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def failing(*_: object) -> None:
        raise error

    (tmp_path / "chains.jsonl").write_text("old")
    monkeypatch.setattr("dsflow.report.html.write_html", failing)
    code, out, err = run("run", "two-pods", "--out", str(tmp_path))
    interrupted = isinstance(error, type)
    assert code == (130 if interrupted else 2)
    assert out == ""
    assert err == ("" if interrupted else f"{tmp_path}: cannot be written: No space left on device\n")
    assert names(tmp_path) == ["chains.jsonl"]
    assert (tmp_path / "chains.jsonl").read_text() == "old"


def test_a_broken_scenario_leaves_no_folder(run: Run, tmp_path: Path) -> None:
    assert run("run", "nope", "--out", str(tmp_path / "out")).code == 2
    assert names(tmp_path) == []


def test_a_scenario_comes_from_standard_input(run: Run) -> None:
    text = b"apiVersion: dsflow/v1\nname: nothing\n"
    code, out, _ = run("run", "-", stdin=text)
    assert code == 0
    assert out.startswith("nothing (profile article, seed 0)\n")
    assert out.count("n/a") == 12
