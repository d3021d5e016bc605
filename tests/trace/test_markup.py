"""What a notebook shows of a chain."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from dsflow.trace.markup import chain_html, table_html
from dsflow.trace.words import hop_words, verdict_words
from tests.answers import ANSWERS

_VOID = {"br"}


class _Reader(HTMLParser):
    """The text of a fragment; refuses tags that do not pair."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(fragment: str) -> _Reader:
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_fragment_is_whole_and_says_what_the_text_says(answer: str) -> None:
    chain = ANSWERS[answer]
    reader = _read(chain._repr_html_())
    assert verdict_words(chain)[0] in reader.text
    for trace in chain.traces:
        for row in hop_words(trace):
            assert row.device in reader.text
            assert row.packet in reader.text
    for entry in chain.nat_ledger:
        assert entry.reason in reader.text


def test_nothing_comes_from_outside() -> None:
    for chain in ANSWERS.values():
        reader = _read(chain_html(chain))
        assert {name for name, _ in reader.attributes} <= {"class", "style", "open"}
        assert not {"script", "img", "link"} & set(reader.tags)


def test_what_failed_is_not_in_the_colour_of_what_works() -> None:
    colour = {name: chain_html(ANSWERS[name]).partition("color:")[2][:7] for name in ("scope", "udp", "return-lost")}
    assert colour["scope"] == colour["return-lost"] != colour["udp"]


def test_cells_are_escaped() -> None:
    reader = _read(table_html(["<i>"], [["<script>alert(1)</script>"]], caption="a & b"))
    assert "script" not in reader.tags
    assert "<script>alert(1)</script>" in reader.text
    assert "a & b" in reader.text
