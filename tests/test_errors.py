"""The error tree: who must act, and messages that tell where, what was found and what was expected."""

from __future__ import annotations

import pytest

from dsflow.errors import (
    DsflowError,
    HostError,
    NotModelledError,
    Problem,
    ScenarioError,
    UsageError,
    did_you_mean,
)


@pytest.mark.parametrize("kind", [HostError, NotModelledError, ScenarioError, UsageError])
def test_one_except_catches_everything_raised_on_purpose(kind: type[DsflowError]) -> None:
    """Each kind is a DsflowError and none is another's."""
    assert issubclass(kind, DsflowError)
    others = {HostError, NotModelledError, ScenarioError, UsageError} - {kind}
    assert not any(issubclass(kind, other) for other in others)


def _problem(line: int | None = 3, path: str = "a.b", expected: str = "better") -> Problem:
    return Problem(file="x.yaml", line=line, path=path, found='"bad"', expected=expected)


def test_a_problem_reads_as_one_line() -> None:
    """file:line: path: found: expected ..., each part only where there is one."""
    assert str(_problem()) == 'x.yaml:3: a.b: "bad": expected better'
    assert str(_problem(line=None)) == 'x.yaml: a.b: "bad": expected better'
    assert str(_problem(path="")) == 'x.yaml:3: "bad": expected better'
    assert str(_problem(expected="")) == 'x.yaml:3: a.b: "bad"'


def test_a_scenario_error_has_every_problem() -> None:
    """One line each, and the problems themselves for programs."""
    error = ScenarioError([_problem(), _problem(line=9)])
    assert len(error.problems) == 2
    assert str(error).splitlines() == [str(problem) for problem in error.problems]


def test_hints_name_at_most_two_near_words() -> None:
    """Nothing near, no hint."""
    assert did_you_mean("nod", ["node"]) == '; did you mean "node"?'
    assert did_you_mean("pod-1", ["pod-2", "pod-3", "pod-4"]).count('"') == 4
    assert did_you_mean("zebra", ["node"]) == ""
    assert did_you_mean("x", []) == ""
