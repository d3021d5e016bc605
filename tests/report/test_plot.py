"""Pictures: they are drawn without a display, on the axes given, and say what they should."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import dsflow
from dsflow.report.boxes import Role
from dsflow.report.layout import lay_out
from dsflow.report.plot import draw_latency, draw_topology, topology_svg
from tests.answers import ANSWERS
from tests.cases import gua, sydney


def _texts(ax: Axes) -> list[str]:
    return [found.get_text() for found in ax.findobj(Text) if isinstance(found, Text) and found.get_text()]


def _largest(ax: Axes) -> float:
    return max(float(text.get_fontsize()) for text in ax.texts)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def test_every_pod_and_device_is_named() -> None:
    texts = _texts(draw_topology(sydney()))
    for box in lay_out(sydney().topology).boxes:
        assert box.title in texts
    assert texts.count("nginx") == 3
    assert texts.count("kube-proxy") == 3


def test_words_stay_inside_their_boxes_and_apart() -> None:
    """Measured as drawn: no text of a device is wider than its box, no two texts overlap."""
    ax = draw_topology(gua())
    figure = _figure(ax)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    width = figure.dpi
    boxes = {box.title: box for box in lay_out(gua().topology).boxes if box.role in (Role.GATEWAY, Role.HOST, Role.POD)}
    extents = []
    for text in ax.texts:
        if not text.get_text():
            continue
        extent = text.get_window_extent(renderer)
        extents.append(extent)
        if text.get_text() in boxes:
            assert extent.width <= boxes[text.get_text()].width * width
    assert len(extents) > 40
    for number, one in enumerate(extents):
        assert not any(one.overlaps(other) for other in extents[number + 1 :])


@pytest.mark.parametrize("answer", ["egress-ipv4", "ingress-ipv4", "same-node", "cross-node"])
def test_a_path_is_numbered_link_by_link(answer: str) -> None:
    chain = ANSWERS[answer]
    links = sum(len(trace.hops) - 1 for trace in chain.traces if trace.direction == "forward")
    numbers = [text for text in _texts(draw_topology(sydney(), chain=chain)) if text.isdigit()]
    assert numbers == [str(number) for number in range(1, links + 1)]


@pytest.mark.parametrize("answer", ["scope", "error", "undetermined", "return-lost"])
def test_a_failure_is_marked_with_its_word(answer: str) -> None:
    failed = ANSWERS[answer].failed
    assert failed is not None
    ax = draw_topology(sydney(), chain=ANSWERS[answer])
    assert str(failed.disposition) in _texts(ax)
    assert [line for line in ax.lines if line.get_marker() == "X"]


def test_axes_that_are_given_are_drawn_on_and_returned() -> None:
    ax = Figure(figsize=(4, 3)).add_subplot()
    assert draw_topology(sydney(), ax=ax) is ax
    assert _largest(ax) < _largest(draw_topology(sydney()))
    ax = Figure().add_subplot()
    assert draw_latency(ANSWERS["udp"], ax=ax) is ax


def test_a_chains_time_is_shown_hop_by_hop_with_its_total() -> None:
    ax = draw_latency(ANSWERS["ingress-ipv6"])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:4] == ["internet/client", "igw/igw", "vcn/oke", "lb/nginx"]
    assert labels[-1] == "one way"
    assert "estimate, not measured in OCI" in ax.get_title()
    assert "microseconds" in ax.get_xlabel()


def test_where_a_packet_starts_it_takes_no_time() -> None:
    assert "no time" in _texts(draw_latency(ANSWERS["egress-ipv4"]))


def test_several_chains_are_compared_by_their_totals() -> None:
    ax = draw_latency([ANSWERS["egress-ipv4"], ANSWERS["scope"], ANSWERS["egress-ipv6"]])
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "oke-sydney: egress, IPv4",
        "oke-sydney: egress, IPv6\n(scope-unroutable: until it stopped)",
        "oke-sydney-gua: egress, IPv6",
    ]
    alone = draw_latency([ANSWERS["egress-ipv4"], ANSWERS["scope"]])
    assert alone.get_yticklabels()[0].get_text() == "egress, IPv4"


def test_a_chain_without_a_path_type_is_named_by_its_question() -> None:
    simulation = dsflow.load("two-routers")
    chains = [simulation.trace("h0", "h2", family=family, tcp=80) for family in (4, 6)]
    labels = [label.get_text() for label in draw_latency(chains).get_yticklabels()]
    assert labels == ["h0 to h2, IPv4, tcp port 80", "h0 to h2, IPv6, tcp port 80"]


def test_the_svg_is_one_element_and_the_same_each_time() -> None:
    svg = topology_svg(sydney())
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "oke-sydney" in root.attrib["aria-label"]
    assert svg == topology_svg(sydney())
    assert "internet/web" in svg


def test_loading_draws_nothing_and_needs_no_matplotlib() -> None:
    code = "import sys, dsflow.report.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_no_figure_is_left_to_pyplot() -> None:
    code = (
        "import sys, dsflow; from dsflow.report.plot import draw_topology;"
        "draw_topology(dsflow.load('two-pods')); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
