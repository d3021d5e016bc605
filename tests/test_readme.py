"""The README shows what really happens: its commands are run and its output compared.

Times are estimates that another numpy may draw differently in the last digit, so figures with a unit are
compared by their unit only.  ``python -m tests.test_readme`` writes the current output into the README.
"""

from __future__ import annotations

import doctest
import io
import re
import shlex
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


def _examples() -> Iterator[ParameterSet]:
    for found in CONSOLE.finditer(README.read_text()):
        marks = [needs_lab] if found["command"].startswith("lab verify") else []
        yield pytest.param(found["command"], found["output"], marks=marks)


@pytest.mark.parametrize(("command", "output"), list(_examples()))
def test_a_console_example_is_real(command: str, output: str) -> None:
    assert _without_figures(_output(command)) == _without_figures(output)


@pytest.mark.parametrize("text", YAML.findall(README.read_text()))
def test_a_scenario_in_the_readme_can_be_asked(text: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    assert dsflow.load(file).dataplane


def test_python_examples_run() -> None:
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried > 10
    assert failed == 0


def test_ci_runs_the_readmes_test_command() -> None:
    commands = [line for line in README.read_text().splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] == CI.read_text().splitlines()[-1]


if __name__ == "__main__":
    README.write_text(
        CONSOLE.sub(
            lambda found: f"```console\n$ dsflow {found['command']}\n{_output(found['command'])}```", README.read_text()
        )
    )
