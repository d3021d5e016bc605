"""Answers laid out as text: tables with aligned columns and lines between them.

An answer (a matrix, a difference) describes itself as *blocks*; whoever shows it decides how: plain
here, in colour in :mod:`dsflow.report.terminal`, as HTML in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from dsflow.latency.sample import Interval

__all__ = ["Block", "Row", "Table", "html", "interval_text", "plain"]

NOTHING = "<none>"
"""What an empty cell shows, as kubectl has it."""

_GAP = "   "
_INDENT = "    "


class Row(NamedTuple):
    """The cells of one row, and the lines that belong below it."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under capital headers.

    >>> print(plain([Table(("NAME", "IPv4"), (Row(("a", "10.0.0.1")), Row(("long", ""), ("no address",))))]))
    NAME   IPv4
    a      10.0.0.1
    long   <none>
        no address
    """

    headers: tuple[str, ...]
    rows: tuple[Row, ...]

    def padded(self) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """Every line's cells, filled up to their columns' widths, and the notes below; the headers first."""
        lines = [
            Row(self.headers),
            *(Row(tuple(cell or NOTHING for cell in row.cells), row.notes) for row in self.rows),
        ]
        widths = [max(map(len, column)) for column in zip(*(row.cells for row in lines), strict=True)]
        for cells, notes in lines:
            filled = [cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
            yield [cell + _GAP for cell in filled] + [cells[-1]], tuple(_INDENT + note for note in notes)


Block: TypeAlias = "Table | str"


def plain(blocks: Iterable[Block]) -> str:
    """The blocks as text without colour, a blank line between one block and the next."""
    return "\n\n".join("\n".join(_plain_lines(block)) for block in blocks)


def _plain_lines(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield block
        return
    for cells, notes in block.padded():
        yield "".join(cells).rstrip()
        yield from notes


def html(blocks: Iterable[Block]) -> str:
    """The blocks as HTML for a notebook."""
    return "\n".join(_html_table(block) if isinstance(block, Table) else _html_text(block) for block in blocks)


def _html_text(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def _html_table(table: Table) -> str:
    head = _html_cells("th", table.headers)
    body = "".join(_html_cells("td", row.cells) + _html_notes(row, len(table.headers)) for row in table.rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_cells(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell or NOTHING)}</{tag}>" for cell in cells) + "</tr>"


def _html_notes(row: Row, columns: int) -> str:
    if not row.notes:
        return ""
    return f'<tr><td colspan="{columns}"><em>{"<br>".join(map(escape, row.notes))}</em></td></tr>'


_UNITS = ((1_000_000, "s"), (1_000, "ms"), (1, "µs"))


def interval_text(interval: Interval) -> str:
    """A median with its 90 % interval, short, in the unit that suits the median.

    >>> from dsflow.latency.sample import Interval
    >>> interval_text(Interval(5466.1, 3156.8, 9554.5)), interval_text(Interval(19.08, 8.03, 45.46))
    ('5.47 ms [3.16-9.55]', '19.1 µs [8.03-45.5]')
    """
    size, unit = next(((size, unit) for size, unit in _UNITS if interval.value >= size), _UNITS[-1])
    value, low, high = (_digits(us / size) for us in interval)
    return f"{value} {unit} [{low}-{high}]"


def _digits(number: float) -> str:
    """Three significant digits, never as a power of ten."""
    return f"{number:.3g}" if number < 999.5 else f"{number:.0f}"
