"""Exit codes, help, and what loading the command line costs."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import import_module

import pytest

from dsflow.cli import main, parser, trace
from tests.cli.conftest import Run

COMMANDS = ("run", "trace", "get", "check", "diff", "whatif", "assumptions", "schema", "init")


def test_help_names_every_command_and_nothing_that_does_not_exist(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("    ") and line[4] != " "]
    assert listed == ["run", "trace", "get", "check", "diff", "whatif", "lab", "assumptions", "schema", "init"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: dsflow {command} ")


def test_help_is_as_wide_as_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = {}
    for columns in ("60", "150", "x"):
        monkeypatch.setenv("COLUMNS", columns)
        widths[columns] = max(map(len, run("trace", "--help").out.splitlines()))
    assert widths["60"] <= 58
    assert 58 < widths["x"] <= 78 < widths["150"] <= 148


def test_the_version_is_told(run: Run) -> None:
    assert run("--version") == (0, "dsflow 0.1.0\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "dsflow: the following arguments are required: COMMAND (see dsflow --help)\n"),
        (("frob",), "dsflow: argument COMMAND: invalid choice: 'frob'"),
        (("get", "pods"), "dsflow get: the following arguments are required: SCENARIO (see dsflow get --help)\n"),
        (("run", "--see", "1"), "dsflow: unrecognized arguments: --see"),
        (("run", "-q", "-v"), "dsflow run: argument -v/--verbose: not allowed with argument -q/--quiet"),
        (("run", "--seed", "-1"), 'dsflow run: argument --seed: "-1": expected a whole number, 0-4294967295'),
        (("run", "--seed", "1" * 5000), 'expected a whole number, 0-4294967295'),
        (("run", "--seed", "²"), 'dsflow run: argument --seed: "²": expected a whole number'),
    ],
)  # fmt: skip
def test_bad_usage_is_one_line_and_exit_2(run: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_an_interruption_is_exit_130_without_a_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(trace, "trace", interrupted)
    assert run("trace", "two-pods", "a", "b") == (130, "", "")


def test_a_closed_pipe_is_exit_141_without_a_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unheard(_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(trace, "trace", unheard)
    monkeypatch.setattr("os.dup2", lambda *_: None)  # the test's own output goes on
    assert run("trace", "two-pods", "a", "b") == (141, "", "")


def test_output_may_go_anywhere_that_takes_text() -> None:
    told = io.StringIO()
    with redirect_stdout(told):
        assert main(["get", "nodes", "two-pods", "-o", "name"]) == 0
    assert told.getvalue() == "node/node-1\nnode/node-2\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(trace, "trace", broken)
    with pytest.raises(ZeroDivisionError):
        main(["trace", "two-pods", "a", "b"])


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_collection_is_as_it_was(run: Run, collects: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        run("get", "pods", "two-pods")
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()


def loaded_by(*words: str) -> set[str]:
    """The top-level modules, and scapy's, that a command has loaded when it ends."""
    code = "import sys; from dsflow.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (("--help",), ("dataclasses", "shutil", "json", "difflib", "dsflow.errors", "yaml", "pydantic", "numpy")),
        (("schema", "trace"), ("scapy", "numpy", "matplotlib", "pydantic", "yaml")),
        (("get", "pods", "two-pods"), ("scapy", "numpy", "networkx", "matplotlib", "rich")),
        (
            ("trace", "two-pods", "pod/default/client", "pod/default/server", "--tcp", "80"),
            ("scapy.all", "networkx", "matplotlib", "rich", "jinja2"),
        ),
        (("run", "two-pods"), ("scapy.all", "networkx", "matplotlib", "rich", "jinja2")),
    ],
)
def test_a_command_loads_what_it_needs(words: tuple[str, ...], spared: tuple[str, ...]) -> None:
    loaded = loaded_by(*words)
    assert "dsflow.cli.parser" in loaded
    assert not loaded & set(spared)


def test_a_shell_can_complete_commands() -> None:
    shtab = import_module("shtab")
    script = shtab.complete(parser.build_parser(), shell="bash")
    assert "whatif" in script
