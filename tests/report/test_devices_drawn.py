"""Generic devices in a drawing: boxes, links between them, and the way of packets along these."""

from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import dsflow
from dsflow import Simulation
from dsflow.net.address import Family
from dsflow.report.boxes import Layout, Role
from dsflow.report.layout import lay_out
from dsflow.report.paths import link_lines, wires
from dsflow.report.plot import draw_topology, topology_svg
from dsflow.trace.chain import Chain
from tests.network_flows import sent_packets
from tests.networks import random_network
from tests.peered import peered
from tests.report.drawings import (
    DEVICES_ALONE,
    LINUX,
    NETWORKS,
    apart,
    assert_tidy,
    everything,
    holds,
    network,
    note_box,
    pieces,
    runs_through,
)

SIMULATIONS = [*(f"network {seed}" for seed in NETWORKS), *DEVICES_ALONE, "onprem-firewall", "everything"]


def _simulation(name: str) -> Simulation:
    if name.startswith("network "):
        return network(int(name.split()[1]))
    return everything() if name == "everything" else dsflow.load(name)


@pytest.fixture(params=SIMULATIONS)
def simulation(request: pytest.FixtureRequest) -> Simulation:
    """Networks of devices, alone and beside a cluster."""
    return _simulation(str(request.param))


@pytest.fixture
def drawn(simulation: Simulation) -> Layout:
    """Where everything stands."""
    return lay_out(simulation.topology)


def test_boxes_are_nested_or_apart(drawn: Layout) -> None:
    assert_tidy(drawn)


def test_every_device_has_its_box_and_every_interface_its_place_at_the_edge(
    simulation: Simulation, drawn: Layout
) -> None:
    assert set(drawn.devices) == set(simulation.dataplane)
    for device in simulation.topology.devices.values():
        box = drawn.devices[device.id]
        assert box.role is (Role.LINUX_ROUTER if device.forwarding else Role.LINUX_HOST)
        for interface in device.interfaces.values():
            if interface.link is not None:
                x, y = drawn.ports[device.id, interface.name]
                assert x in (box.x, box.right)
                assert box.y < y < box.bottom


def test_links_join_whom_the_scenario_says_and_run_through_no_device(simulation: Simulation, drawn: Layout) -> None:
    joined = {cable.name: set(cable.ends) for cable in drawn.cables}
    for device in simulation.topology.devices.values():
        for interface in device.interfaces.values():
            if interface.link is not None and interface.subnet is None:
                assert (device.id, interface.name) in joined[interface.link]
    devices = [box for box in drawn.boxes if box.role not in (Role.VCN, Role.SUBNET, Role.PREMISES)]
    for name, start, end in pieces(drawn):
        assert start[0] == end[0] or start[1] == end[1], name
        assert not any(runs_through(box, start, end) for box in devices), name


def test_no_two_links_share_a_line(drawn: Layout) -> None:
    for (name, start, end), (other, begin, finish) in combinations(pieces(drawn), 2):
        if name == other or start == end or begin == finish:
            continue
        for axis in (0, 1):
            if start[axis] == end[axis] == begin[axis] == finish[axis]:
                one, two = sorted((start[1 - axis], end[1 - axis])), sorted((begin[1 - axis], finish[1 - axis]))
                assert one[1] <= two[0] or two[1] <= one[0], (name, other)


def test_words_stand_apart_and_inside_of_boxes_or_outside(drawn: Layout) -> None:
    places = [note_box(note) for note in drawn.notes]
    assert all(apart(one, other) for one, other in combinations(places, 2))
    for place in places:
        for box in drawn.boxes:
            if box.role in LINUX:
                assert apart(box, place) or holds(box, place), (box, place)


def test_packets_go_along_the_links_from_device_to_device(simulation: Simulation, drawn: Layout) -> None:
    for chain in _chains(simulation):
        for trace in chain.traces:
            lines = list(link_lines(trace, drawn))
            assert len(lines) == len(trace.hops) - 1
            for line, (here, there) in zip(lines, pairwise(trace.hops), strict=True):
                for hop, (x, y) in ((here, line[0]), (there, line[-1])):
                    box = drawn.devices[hop.device]
                    assert box.x - 1e-6 <= x <= box.right + 1e-6
                    assert box.y - 1e-6 <= y <= box.bottom + 1e-6


def _chains(simulation: Simulation) -> list[Chain]:
    """What the scenario asks; of a network without questions, packets between its hosts."""
    topology = simulation.topology
    asked = [*topology.flows, *(expectation.flow for expectation in topology.expect)]
    if asked:
        return [simulation.ask(flow) for flow in asked]
    routers = [device.id for device in topology.devices.values()]
    return [
        simulation.trace(here, there, family=4, icmp=True)
        for here, there in pairwise(routers)
        if _has_ipv4(simulation, here) and _has_ipv4(simulation, there)
    ]


def _has_ipv4(simulation: Simulation, device: str) -> bool:
    return bool(simulation.topology.devices[device.removeprefix("device/")].addresses(Family.IPV4))


@pytest.mark.parametrize("seed", NETWORKS)
def test_any_network_is_drawn_with_a_way_through_it(seed: int) -> None:
    data = random_network(Random(seed))
    for sent in sent_packets(data, Random(seed), 3):
        ax = draw_topology(network(seed), chain=sent.through(network(seed)))
        assert {text.get_text() for text in ax.texts} >= set(data["devices"])


def test_a_wire_is_a_line_and_a_segment_a_bar_with_their_names() -> None:
    drawn = lay_out(dsflow.load("lan-segment").topology)
    assert {cable.name: cable.is_segment for cable in drawn.cables} == {
        "lan": True,
        "north": False,
        "south": False,
        "backup": False,
    }
    named = {note.text: note for note in drawn.notes if note.align == "center"}
    for cable in drawn.cables:
        assert named[cable.name].x == cable.x


def test_hosts_stand_on_both_sides_of_a_box() -> None:
    devices = lay_out(dsflow.load("nat-box").topology).devices
    assert devices["device/pc"].right < devices["device/box"].x
    assert devices["device/pc"].right == devices["device/server"].right
    assert devices["device/box"].right < devices["device/web"].x


def test_a_chain_of_routers_is_level() -> None:
    drawn = lay_out(dsflow.load("two-routers").topology)
    assert len({y for _, y in drawn.ports.values()}) == 1
    assert [box.title for box in sorted(drawn.boxes, key=lambda box: box.x)] == ["h0", "r0", "r1", "h2"]


def test_appliances_stand_in_their_subnets_and_the_office_under_the_internet() -> None:
    drawn = lay_out(dsflow.load("onprem-firewall").topology)
    regions = {box.title: box for box in drawn.boxes}
    assert holds(regions["subnet/firewall"], drawn.devices["device/firewall"])
    assert holds(regions["on premises"], drawn.devices["device/files"])
    assert regions["on premises"].y > regions["the Internet"].bottom
    assert drawn.devices["drg/office"].detail == "DRG\n10.255.0.1/30\nfd00:ff::1/64"


def test_addresses_mtu_and_what_a_device_does_are_told() -> None:
    texts = [note.text for note in lay_out(dsflow.load("two-routers").topology).notes]
    assert {"10.1.0.1/24", "fd00:1::1/64", "e1, MTU 1400", "lo 192.0.2.1/32"} <= set(texts)
    details = {box.title: box.detail for box in lay_out(dsflow.load("nat-box").topology).boxes}
    assert details["box"] == "router, NAT, filters"
    assert details["pc"] == "host"


def test_of_many_addresses_the_rest_is_a_number() -> None:
    addresses = [f"10.0.0.{number}/24" for number in range(1, 9)]
    data = {
        "apiVersion": "dsflow/v1",
        "name": "many",
        "links": {"l": {}},
        "devices": {
            name: {"interfaces": {"e0": {"link": "l", "addresses": every}}}
            for name, every in (("a", addresses), ("b", ["10.0.0.99/24"]))
        },
    }
    texts = [note.text for note in lay_out(dsflow.load(data).topology).notes]
    assert "10.0.0.4/24" in texts
    assert "and 4 more" in texts


def test_what_goes_and_what_comes_back_keep_to_the_right() -> None:
    simulation = dsflow.load("two-routers")
    drawn = lay_out(simulation.topology)
    there, back = simulation.trace("h0", "h2", family=4, tcp=80).traces
    level = drawn.ports["device/h0", "e0"][1]
    assert all(y > level for line in link_lines(there, drawn) for _, y in line)
    assert all(y < level for line in link_lines(back, drawn) for _, y in line)


def test_answers_and_errors_are_broken_lines_and_a_refusal_is_under_its_device() -> None:
    simulation = dsflow.load("two-routers")
    chain = simulation.trace("h0", "10.1.9.1", family=4, icmp=True)
    ax = draw_topology(simulation, chain=chain)
    assert [line for line in ax.lines if line.get_linestyle() == "--"]
    told = next(text for text in ax.texts if text.get_text() == "unreachable-route")
    box = lay_out(simulation.topology).devices["device/r0"]
    assert told.get_position() == pytest.approx((box.middle[0], box.bottom + 0.05))


@pytest.mark.parametrize("name", [*DEVICES_ALONE, "onprem-firewall"])
def test_words_as_drawn_stay_apart(name: str) -> None:
    ax = draw_topology(dsflow.load(name))
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    extents = [text.get_window_extent(renderer) for text in ax.texts if text.get_text()]
    assert not [(one, two) for one, two in combinations(extents, 2) if one.overlaps(two)]
    assert all(extent.x0 >= 0 and extent.x1 <= figure.bbox.width for extent in extents)


@pytest.mark.parametrize("name", [*DEVICES_ALONE, "network 5", "everything"])
def test_equal_networks_are_equal_bytes_and_the_picture_says_what_it_shows(name: str) -> None:
    simulation = _simulation(name)
    assert topology_svg(simulation) == topology_svg(simulation)
    assert "devices and links" in topology_svg(simulation)[:200]


def test_a_scenario_of_nothing_is_an_empty_picture() -> None:
    width, height = lay_out(dsflow.load({"apiVersion": "dsflow/v1", "name": "nothing"}).topology).size
    assert width > 0
    assert height > 0


def test_peered_gateways_are_wired_to_each_other_and_not_to_the_internet() -> None:
    """Left of both, and the way of a packet keeps to that side."""
    drawn = lay_out(peered().topology)
    one, other = drawn.devices["lpg/to-spoke"], drawn.devices["lpg/to-hub"]
    assert drawn.peerings == [("lpg/to-spoke", "lpg/to-hub")]
    lines = list(wires(drawn))
    upright = [(start, end) for start, end in lines if start[0] == end[0]]
    ((start, end),) = upright
    assert start[0] < min(one.x, other.x)
    assert {start[1], end[1]} == {one.middle[1], other.middle[1]}
    internet = next(box for box in drawn.boxes if box.role is Role.INTERNET)
    led = {end[1] for start, end in lines if start[0] == internet.right}
    assert not led & {one.middle[1], other.middle[1]}
    trace = peered().trace("pod/default/shop", "database", family=4, tcp=5432).traces[0]
    across = list(link_lines(trace, drawn))[3]
    assert min(x for x, _ in across) < min(one.x, other.x)


def test_a_scenario_with_peered_vcns_is_drawn() -> None:
    assert "lpg/to-hub" in topology_svg(peered())
