"""Answers on a terminal: in colour where somebody looks, plain text everywhere else; the one door to rich.

rich is imported only where a stream is a terminal that may be coloured, so a pipe never waits for it.
The text is the same either way: colour adds nothing that plain text does not say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from dsflow.dataplane.disposition import Disposition
from dsflow.query.table import Block, plain

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Progress", "has_colour", "progress", "show"]

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""


def has_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that wants colour (https://no-color.org, read 2026-11)."""
    return _is_screen(stream) and not os.environ.get("NO_COLOR")


def _is_screen(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show(blocks: Iterable[Block], stream: TextIO | None = None) -> None:
    """Write an answer's blocks to a stream, standard output when left out."""
    target = sys.stdout if stream is None else stream
    if not has_colour(target):
        target.write(plain(blocks) + "\n")
        return
    from rich.console import Console

    console = Console(file=target, highlight=False, soft_wrap=True)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        for line in _coloured(block):
            console.print(line)


def _coloured(block: Block) -> Iterator[Text]:
    from rich.text import Text

    if isinstance(block, str):
        yield Text(block)
        return
    for number, (cells, notes) in enumerate(block.padded()):
        yield Text.assemble(*((cell, _style(cell) if number else "bold") for cell in cells))
        yield from map(Text, notes)


_WORDS = {
    **{str(word): "green" if word.is_success else "red" for word in Disposition},
    str(Disposition.UNDETERMINED): "yellow",
    "n/a": "dim",
}


def _style(cell: str) -> str:
    """Green for what arrived, red for what did not; ``delivered, return-lost`` did not."""
    return _WORDS.get(cell.rstrip().rpartition(", ")[2], "")


@contextmanager
def progress(label: str, *, quiet: bool = False, stream: TextIO | None = None) -> Iterator[Progress]:
    """A bar while work goes on, on standard error where that is a terminal; else nothing."""
    target = sys.stderr if stream is None else stream
    if quiet or not _is_screen(target):
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(file=target), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
