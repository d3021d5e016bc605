"""The start-up benchmark runs the commands it says it runs; nothing here is timed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import startup as benchmark


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        benchmark.wall_seconds((sys.executable, "-c", "raise SystemExit(3)"))


def test_every_command_is_held_against_the_bare_interpreter() -> None:
    rows = benchmark.measure({"itself": (benchmark.BARE, 3.0)}, rounds=1)
    assert [(row.name, row.gate) for row in rows] == [("itself", 3.0)]
    assert rows[0].ratio > 0


def test_the_gates_are_those_of_help_and_trace() -> None:
    gates = {name: gate for name, (_, gate) in benchmark.gated_commands().items()}
    assert gates == {"dsflow --help": 3.0, "dsflow trace": 60.0, "dsflow trace -o json": 60.0}


def test_a_trace_needs_no_drawing_graph_or_sending_library() -> None:
    modules = benchmark.imported_modules(*benchmark.TRACE, "-o", "json")
    assert "dsflow.engine.walk" in modules
    assert benchmark.forbidden_among(modules) == []


def test_help_needs_no_third_party_library() -> None:
    modules = benchmark.imported_modules("--help")
    assert "dsflow.cli" in modules
    assert not modules & {"scapy", "numpy", "matplotlib", "networkx", "pydantic", "yaml", "rich", "jinja2"}


def test_a_forbidden_library_is_named() -> None:
    assert benchmark.forbidden_among({"networkx", "numpy"}) == ["networkx"]


@pytest.mark.parametrize(("ratio", "found", "code"), [(3.0, set(), 0), (3.1, set(), 1), (3.0, {"networkx"}, 1)])
def test_the_exit_code_tells_of_missed_gates_and_imports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ratio: float, found: set[str], code: int
) -> None:
    monkeypatch.setattr(benchmark, "measure", lambda *_: [benchmark.Row("dsflow --help", 30.0, ratio, 3.0)])
    monkeypatch.setattr(benchmark, "imported_modules", lambda *_: found)
    assert benchmark.main(["--quick"]) == code
    out = capsys.readouterr().out
    assert ("missed" in out) == (ratio > 3.0)
    assert f"imports {'networkx' if found else 'none'} of" in out
