"""The report page: whole, plain, offline, and the same each time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dsflow
from dsflow.errors import HostError
from dsflow.query.matrix import Cell, Matrix, run_matrix
from dsflow.report.html import matrix_html, write_html
from tests.cases import gua, sydney

_VOID = {"br", "meta"}


class _Page(HTMLParser):
    """The words and attributes of a page; refuses tags that do not pair."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


@cache
def _matrix() -> Matrix:
    return run_matrix(sydney())


@cache
def _page() -> _Page:
    page = _Page()
    page.feed(matrix_html(_matrix()))
    page.close()
    return page


def test_every_tag_is_closed() -> None:
    assert not _page().open


def test_nothing_is_fetched_and_nothing_runs() -> None:
    assert not {"script", "link", "img", "iframe"} & set(_page().tags)
    targets = [value or "" for name, value in _page().attributes if name in ("href", "src", "xlink:href")]
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert not any(name.startswith("on") for name, _ in _page().attributes)


def test_every_link_leads_somewhere() -> None:
    places = {value for name, value in _page().attributes if name == "id"}
    links = [value or "" for name, value in _page().attributes if name in ("href", "xlink:href")]
    assert {link.removeprefix("#") for link in links} <= places


def test_every_cell_is_told_and_every_chain_hop_by_hop() -> None:
    words = _page().words
    for cell in _matrix().cells:
        assert cell.disposition_text in words
        assert cell.nat_text in words
        assert cell.explanation is None or cell.explanation in words
        if cell.chain is not None:
            assert all(hop.device in words for trace in cell.chain.traces for hop in trace.hops)
    assert sum(name == "id" and str(value).startswith("chain-") for name, value in _page().attributes) == len(
        _matrix().chains
    )


def test_what_is_not_delivered_says_what_would_mend_it() -> None:
    assert "to mend: number subnet/pods and what is in it from 2001:db8:100::/56, which is global" in _page().words


def test_assumptions_come_with_their_statements() -> None:
    text = " ".join(_page().words)
    for name in {name for chain in _matrix().chains for name in chain.assumptions}:
        assert name in _page().words
    assert "A node does not masquerade ordinary pod egress" in text
    assert "sgw-latency-as-igw" not in text, "no rule on these paths rests on it"


def test_the_caveat_and_the_note_are_there() -> None:
    text = " ".join(_page().words)
    assert "estimate, not measured in OCI" in text
    assert _matrix().note in text


def test_what_a_scenario_says_is_escaped() -> None:
    changed = sydney().what_if({"description": "<script>alert('a & b')</script>"})
    page = matrix_html(Matrix(simulation=changed, cells=(), note="<b>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page
    assert "No rule on these paths rests on an assumption." in page


def test_the_same_matrix_is_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    code = (
        "import sys, dsflow; from dsflow.query.matrix import run_matrix; from dsflow.report.html import write_html;"
        "write_html(run_matrix(dsflow.load('two-pods')), sys.argv[1])"
    )
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=environment, timeout=120)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    write_html(run_matrix(gua()), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.fullmatch(r"<!DOCTYPE html>.*</html>\s*", text, re.DOTALL)
    assert len(text) < 400_000


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        write_html(Matrix(simulation=gua(), cells=(), note=""), tmp_path / "missing" / "report.html")
    assert list(tmp_path.iterdir()) == []


def _words_of(name: str) -> list[str]:
    page = _Page()
    page.feed(matrix_html(run_matrix(dsflow.load(name))))
    page.close()
    assert not page.open
    return page.words


def test_devices_alone_are_told_by_their_flows_and_drawn() -> None:
    words = _words_of("two-routers")
    assert "The scenario's own flows" in words
    assert "h0 to h2, udp/53" in words
    assert {"r0", "router, filters", "10.1.1.2/24"} <= set(words), "in the picture"
    assert "device/r1" in words


def test_flows_beside_a_cluster_come_with_their_path_type() -> None:
    words = _words_of("onprem-firewall")
    assert "Every path, both families" in words
    assert "on-premises: pod/default/shop to files, icmp" in words
    assert {"on premises", "firewall", "drg/office"} <= set(words)


def test_where_nothing_is_asked_the_network_is_shown_alone() -> None:
    simulation = dsflow.load("two-routers").what_if({"flows": []})
    page = matrix_html(run_matrix(simulation))
    assert "nothing is asked" in page
    assert "<thead>" not in page
    assert "Hop by hop" not in page


def test_bytes_that_are_no_packet_are_shown_with_their_flaw() -> None:
    simulation = dsflow.load("two-routers")
    chain = simulation.send("h0", b"garbage!", interface="e0")
    cell = Cell(path_type=None, family=chain.question.family, chain=chain, of_scenario=True)
    page = matrix_html(Matrix(simulation=simulation, cells=(cell,), note=""))
    assert "malformed" in page
    assert "ipv6: 8 bytes, shorter than a header of 40" in page
