"""The README shows what really happens: its commands are run and its output compared.

Times are estimates that another numpy may draw differently in the last digit, so figures with a unit are
compared by their unit only.  A line of three dots stands for lines that are left out.  ``python -m tests.test_readme``
writes the current output into the README, but for such excerpts, which it names where they are out of date.
"""

from __future__ import annotations

import doctest
import io
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

import dsflow
from dsflow.cli import main
from tests.needs import needs_lab

README = Path(__file__).parent.parent / "README.md"
CI = README.parent / ".ci" / "run"
CONSOLE = re.compile(r"```console\n\$ dsflow (?P<command>[^\n]*)\n(?P<output>.*?)```", re.DOTALL)
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
FIGURE = re.compile(r"\d[\d.,]*(?:-[\d.,]+)?(?= ?(?:µs|ms|s|%|to |\]))")
BLANKS = re.compile(r" +")


def _output(command: str) -> str:
    told = io.StringIO()
    with redirect_stdout(told), redirect_stderr(io.StringIO()):
        main(shlex.split(command))
    return "\n".join(line.rstrip() for line in told.getvalue().splitlines()) + "\n"


def _without_figures(text: str) -> str:
    return BLANKS.sub(" ", FIGURE.sub("#", text))


def _is_shown(found: str, shown: str) -> bool:
    """Whether the output is what is shown: all of it, or in order the pieces between lines of dots."""
    told = _without_figures(found)
    first, *further = (piece for piece in re.split(r"(?m)^\.\.\.\n", _without_figures(shown)))
    if not further:
        return told == first
    at = 0
    for piece in (first, *further):
        at = told.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return told.startswith(first) and (at == len(told) or not further[-1])


def _current(example: re.Match[str]) -> str:
    """The example with what its command says now."""
    command, shown = example["command"], example["output"]
    found = _output(command)
    if not re.search(r"(?m)^\.\.\.$", shown):
        return f"```console\n$ dsflow {command}\n{found}```"
    if not _is_shown(found, shown):
        sys.stderr.write(f"out of date: {command}\n")
    return example[0]


def _examples() -> Iterator[ParameterSet]:
    for found in CONSOLE.finditer(README.read_text()):
        marks = [needs_lab] if found["command"].startswith("lab verify") else []
        yield pytest.param(found["command"], found["output"], marks=marks)


@pytest.mark.parametrize(("command", "output"), list(_examples()))
def test_a_console_example_is_real(command: str, output: str) -> None:
    assert _is_shown(_output(command), output), _output(command)


@pytest.mark.parametrize("text", YAML.findall(README.read_text()))
def test_a_scenario_in_the_readme_can_be_asked(text: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    assert dsflow.load(file).dataplane


@pytest.mark.parametrize(
    ("shown", "is_shown"),
    [
        ("one\ntwo\nthree\n", True),
        ("one\n...\nthree\n", True),
        ("...\nthree\n", True),
        ("one\n...\n", True),
        ("one\ntwo\n", False),
        ("two\n...\nthree\n", False),
        ("one\n...\ntwo\n", False),
        ("one\n...\nfour\n...\nthree\n", False),
        ("one\n...\nthree\n...\ntwo\nthree\n", False),
    ],
)
def test_an_excerpt_is_in_order_and_begins_and_ends_as_it_says(shown: str, is_shown: bool) -> None:
    assert _is_shown("one\ntwo\nthree\n", shown) is is_shown


def test_python_examples_run() -> None:
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried > 10
    assert failed == 0


def test_ci_runs_the_readmes_test_command() -> None:
    commands = [line for line in README.read_text().splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] == CI.read_text().splitlines()[-1]


if __name__ == "__main__":
    README.write_text(CONSOLE.sub(_current, README.read_text()))
