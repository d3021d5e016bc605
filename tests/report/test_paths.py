"""Where the lines of a drawing run."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dsflow.report.boxes import GAP, Box, Layout, Point, Role
from dsflow.report.layout import lay_out
from dsflow.report.paths import link_lines, wires
from tests.answers import ANSWERS
from tests.cases import MATE, POD, gua, sydney
from tests.clusters import questions, seeded


def _touches(box: Box, point: Point) -> bool:
    """On the edge or inside; a router is reached in its middle."""
    near = 1e-6
    return box.x - near <= point[0] <= box.right + near and box.y - near <= point[1] <= box.bottom + near


@pytest.mark.parametrize("seed", range(8))
def test_a_line_leads_from_each_device_to_the_next(seed: int) -> None:
    simulation = seeded(seed)
    drawn = lay_out(simulation.topology)
    for asked in questions(simulation, pairs=1, every=({},)):
        for trace in asked.of(simulation).traces:
            lines = list(link_lines(trace, drawn))
            for line, (here, there) in zip(lines, pairwise(trace.hops), strict=True):
                assert _touches(drawn.devices[here.device], line[0])
                assert _touches(drawn.devices[there.device], line[-1])
            assert all(_inside(drawn, point) for line in lines for point in line)


def _inside(drawn: Layout, point: Point) -> bool:
    width, height = drawn.size
    return 0 <= point[0] <= width and 0 <= point[1] <= height


def test_the_router_is_left_where_it_was_reached() -> None:
    lines = list(link_lines(ANSWERS["cross-node"].traces[0], lay_out(sydney().topology)))
    assert lines[1][-1] == lines[2][0]


def test_ways_in_and_out_of_a_node_run_beside_each_other() -> None:
    there, back = link_lines(ANSWERS["same-node"].traces[0], lay_out(sydney().topology))
    assert there[-1][1] != back[0][1]


def test_a_pod_in_a_lower_row_is_reached_by_the_gap_beside_it() -> None:
    pods = {f"pods.default/extra-{number}": {"node": "node-1", "ipv4": f"100.0.5.{number + 30}"} for number in range(6)}
    simulation = sydney().what_if(pods)
    drawn = lay_out(simulation.topology)
    chain = simulation.trace("pod/default/extra-5", MATE, family=4, tcp=80)
    start, gap, *_ = next(link_lines(chain.traces[0], drawn))
    box = drawn.devices["pod/default/extra-5"]
    assert start == (box.x, box.middle[1])
    assert box.x - GAP < gap[0] < box.x
    assert not any(box.role is Role.POD and box.x < gap[0] < box.right for box in drawn.boxes)


def test_gateways_meet_over_the_internet() -> None:
    """A pod asks the load balancer by its public address: out by one gateway, in by the other."""
    drawn = lay_out(gua().topology)
    chain = gua().trace(POD, "203.0.113.20", family=4, tcp=80)
    lines = list(link_lines(chain.traces[0], drawn))
    devices = [hop.device for hop in chain.traces[0].hops]
    line = lines[devices.index("natgw/nat")]
    assert devices[devices.index("natgw/nat") + 1] == "igw/igw"
    assert min(x for x, _ in line) < drawn.devices["igw/igw"].x


def test_what_is_wired_to_the_router_is_so_by_a_level_line() -> None:
    drawn = lay_out(sydney().topology)
    router = drawn.devices["vcn/oke"]
    level = [line for line in wires(drawn) if line[1][0] in (router.x, router.right)]
    assert len(level) == 3 + 2 + 1  # nodes, gateways, load balancer
    assert all(start[1] == end[1] for start, end in level)
