"""Tables as plain text and as HTML."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow.latency.sample import Interval
from dsflow.query.table import Row, Table, html, interval_text, plain

TABLE = Table(("NAME", "NODE"), (Row(("a", "node-1"), ("why",)), Row(("long-name", ""))))


def test_columns_stand_under_their_headers_and_empty_cells_say_so() -> None:
    assert plain([TABLE]).splitlines() == [
        "NAME        NODE",
        "a           node-1",
        "    why",
        "long-name   <none>",
    ]


def test_blocks_are_a_blank_line_apart() -> None:
    assert plain(["one", "two"]) == "one\n\ntwo"


def test_html_is_escaped() -> None:
    shown = html(["a\n<b>", Table(("H&",), (Row(("<script>",), ("x < y",)),))])
    assert "<script>" not in shown
    assert "a<br>&lt;b&gt;" in shown
    assert '<td colspan="1"><em>x &lt; y</em></td>' in shown
    assert "<none>" not in html([TABLE])


CELLS = st.text(st.characters(categories=["L", "N"]), max_size=6)


@settings(max_examples=50)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5))
def test_every_column_begins_at_one_place(rows: list[tuple[str, str, str]]) -> None:
    lines = list(Table(("A", "B", "C"), tuple(map(Row, rows))).padded())
    for column in range(2):
        assert len({sum(map(len, cells[: column + 1])) for cells, _ in lines}) == 1
    assert [[cell.strip() for cell in cells] for cells, _ in lines[1:]] == [
        [cell or "<none>" for cell in row] for row in rows
    ]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((0.5, 0.1, 2), "0.5 µs [0.1-2]"),
        ((999.4, 10, 54321), "999 µs [10-54321]"),
        ((1000, 999, 1001), "1 ms [0.999-1]"),
        ((2_500_000, 1_000_000, 9_990_000), "2.5 s [1-9.99]"),
    ],
)
def test_an_interval_is_told_in_the_unit_of_its_median(interval: tuple[float, float, float], text: str) -> None:
    assert interval_text(Interval(*interval)) == text
