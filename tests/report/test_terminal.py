"""Answers on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from dsflow.query.table import Block, Row, Table, plain
from dsflow.report import terminal

BLOCKS: tuple[Block, ...] = (
    "title [bold]",
    Table(
        ("PATH", "DISPOSITION"),
        (
            Row(("egress", "delivered")),
            Row(("egress", "scope-unroutable"), ("why",)),
            Row(("egress", "delivered, return-lost")),
            Row(("other", "n/a")),
            Row(("other", "undetermined")),
        ),
    ),
)
GREEN, RED, YELLOW = "\x1b[32m", "\x1b[31m", "\x1b[33m"


class Screen(io.StringIO):
    """A terminal that remembers what was written to it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own environment says nothing about colour."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(stream: io.StringIO) -> str:
    terminal.show(BLOCKS, stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_text() -> None:
    assert shown(io.StringIO()) == plain(BLOCKS) + "\n"


def test_a_screen_gets_the_same_text_in_colour() -> None:
    text = shown(Screen())
    without = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert without == plain(BLOCKS) + "\n"


def test_colour_says_how_it_ended() -> None:
    lines = shown(Screen()).splitlines()
    colours = [GREEN, RED, None, RED, None, YELLOW]
    assert next(line for line in lines if "PATH" in line).startswith("\x1b[1m")
    for line, colour in zip(lines[3:], colours, strict=True):
        assert colour is None or colour in line
    assert "\x1b" not in lines[5]  # the note


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_can_refuse_colour(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert shown(Screen()) == plain(BLOCKS) + "\n"


def test_an_empty_no_color_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal.has_colour(Screen())


def test_a_long_line_is_left_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert len(shown(Screen()).splitlines()) == len(plain(BLOCKS).splitlines())


def test_standard_output_is_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show(["hello"])
    assert capsys.readouterr().out == "hello\n"


def test_progress_is_drawn_on_a_screen_and_wiped() -> None:
    screen = Screen()
    with terminal.progress("asking", stream=screen) as told:
        told(1, 2)
        told(2, 2)
    assert "asking" in screen.getvalue()


@pytest.mark.parametrize(("quiet", "stream"), [(True, Screen()), (False, io.StringIO())])
def test_no_progress_where_nobody_looks_or_wants_it(quiet: bool, stream: io.StringIO) -> None:
    with terminal.progress("asking", quiet=quiet, stream=stream) as told:
        told(1, 1)
    assert stream.getvalue() == ""


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress("asking") as told:
        told(1, 1)
    assert capsys.readouterr() == ("", "")


def test_a_pipe_does_not_wait_for_rich() -> None:
    code = "import sys; from dsflow.report import terminal; terminal.show(['a']); print('rich' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "a\nFalse\n"
