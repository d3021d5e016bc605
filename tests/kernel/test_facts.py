"""The table of kernel facts: each is shown by a test, and no test shows what is no fact."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.kernel.facts import FACTS, LINES, cited


@cache
def _citations() -> dict[str, tuple[str, ...]]:
    """The tests of this folder by the facts that they show."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.kernel.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_"):
                for key in cited(test):
                    found[key] = (*found.get(key, ()), f"{path.stem}::{name}")
    return found


@pytest.mark.parametrize("key", FACTS)
def test_every_fact_is_shown_by_a_test(key: str) -> None:
    """A fact without an example is a claim."""
    assert _citations().get(key), FACTS[key]


def test_no_test_shows_an_unknown_fact() -> None:
    """A key that is no fact is a slip of the pen."""
    assert not _citations().keys() - FACTS.keys()


@pytest.mark.parametrize("line", LINES)
def test_every_line_has_a_fact(line: str) -> None:
    """A line of the list is one fact or more."""
    assert any(key == line or key.startswith(f"{line}-") for key in FACTS), line


def test_every_fact_is_of_a_line() -> None:
    """A key begins with its line."""
    assert all(any(key == line or key.startswith(f"{line}-") for line in LINES) for key in FACTS)
