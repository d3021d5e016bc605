"""Places, dotted paths, and data from Python."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.errors import ScenarioError
from dsflow.scenario.document import Document, dotted, from_mapping, place_of, show


def test_data_from_python_is_told_by_its_dotted_path() -> None:
    document = Document(from_mapping({"a": {"b.c": [1, 2]}}, place_of(0, 0)), ("scenario",))
    assert document.source(("a", "b.c", 1)) == 'a."b.c"[1]'
    assert str(document.problem(("a",), "x", "y")) == "scenario: a: x: expected y"


def test_tuples_are_lists() -> None:
    assert from_mapping({"a": (1, "x", None, 2.5, True)}, 0) == {"a": [1, "x", None, 2.5, True]}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({1: 2}, "scenario: 1: the key 1: expected a text as key"),
        ({"a": {"b": object()}}, "scenario: a.b: a Python object: expected"),
        ({"a": b"x"}, "scenario: a: a Python bytes: expected"),
    ],
)
def test_data_that_no_text_could_hold_is_refused(data: dict[Any, Any], told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        from_mapping(data, 0)
    assert str(caught.value).startswith(told)


def test_data_inside_itself_is_refused() -> None:
    data: dict[str, Any] = {}
    data["a"] = data
    with pytest.raises(ScenarioError, match="data inside itself"):
        from_mapping(data, 0)


def test_a_step_that_could_be_misread_is_quoted() -> None:
    assert dotted(("pods", "default/a.b", "x y")) == 'pods."default/a.b"."x y"'
    assert dotted(()) == ""


def test_shown_values_are_short_and_harmless() -> None:
    assert show("x" * 100) == '"' + "x" * 60 + '…"'
    assert show("\x1b[31m") == '"U+001B[31m"'
    assert [show(value) for value in ([1], {"a": 1}, 2.5, 10**30, None)] == [
        "a list",
        "a mapping",
        "2.5",
        "a number beyond all bounds",
        "nothing",
    ]
