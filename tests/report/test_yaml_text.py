"""Plain data as YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow.report.yaml_text import to_yaml

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(-1000, 1000, allow_subnormal=False).map(lambda number: round(number, 3))
    | st.text(st.characters(codec="ascii") | st.sampled_from("äµ:-#"), max_size=8)
    | st.sampled_from(["no", "On", "1:20", "010", "0x1f", "1e3", "~", "null", "", " a", "2026-11-23", "=", "<<", "-"])
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["no", "1"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(DATA)
def test_another_reader_reads_the_same(data: Any) -> None:
    assert yaml.safe_load(to_yaml(data)) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "{}\n"),
        ([], "[]\n"),
        ([[1, 2], {"a": [{"b": 1, "c": None}]}], "- - 1\n  - 2\n- a:\n    - b: 1\n      c: null\n"),
        (("a/b", "1.5"), '- a/b\n- "1.5"\n'),
    ],
)
def test_nesting_is_block_style(data: Any, text: str) -> None:
    assert to_yaml(data) == text
