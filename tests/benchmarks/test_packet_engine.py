"""The packet-engine benchmark compares what it says it compares; nothing here is timed."""

from __future__ import annotations

from collections import Counter

import pytest

import dsflow
from benchmarks import packet_engine as benchmark


@pytest.fixture(scope="module")
def sim() -> dsflow.Simulation:
    return dsflow.load(benchmark.SCENARIO)


@pytest.mark.parametrize("family", [4, 6])
def test_flows_are_of_all_path_types_and_of_many_pods_and_ports(sim: dsflow.Simulation, family: int) -> None:
    flows = benchmark.flows(sim, family, 40)
    kinds = Counter(str(sim.path_type(flow.origin, flow.target)) for flow in flows)
    assert kinds == {"same-node": 10, "cross-node": 10, "egress": 10, "ingress": 10}
    assert len({flow.sport for flow in flows}) == 40
    assert len({flow.origin for flow in flows}) > 5


@pytest.mark.parametrize("family", [4, 6])
def test_scapy_told_the_way_sends_the_same_bytes_on_every_link(sim: dsflow.Simulation, family: int) -> None:
    for flow in benchmark.flows(sim, family, 8):
        benchmark.assert_equal(benchmark.ask(sim, flow))


def test_another_header_at_one_hop_is_seen(sim: dsflow.Simulation) -> None:
    """The comparison fails when the walk is told one hop that does not lower the TTL."""
    chain = benchmark.ask(sim, benchmark.flows(sim, 4, 2)[1])
    way = benchmark.ways(chain)[0]
    first, *rest = way.passages
    altered = way._replace(passages=(first._replace(lowers_ttl=False), *rest))
    assert benchmark.walk_with_scapy(altered) != benchmark.walk_with_scapy(way)


def test_an_undelivered_flow_is_refused() -> None:
    """A lost packet crosses fewer links, so it would flatter nobody but mislead."""
    chain = dsflow.load("oke-sydney").trace("pod/default/nginx-568f7cfd68-g4h2c", "internet/web", family=6, tcp=443)
    with pytest.raises(AssertionError):
        benchmark.assert_equal(chain)


def test_links_are_counted_in_both_directions(sim: dsflow.Simulation) -> None:
    chain = benchmark.ask(sim, benchmark.Flow("internet/client", "service/default/nginx", 6, 40000, 80))
    assert benchmark.links_crossed(chain) == 3 + 3 + 3 + 3


def test_a_gate_is_kept_or_missed_by_its_ratio() -> None:
    row = benchmark.Row(4, "bytes", dsflow_rate=300.0, scapy_rate=10.0, ratio=30.0, gate=30.0)
    missed = row._replace(ratio=29.9)
    assert (row.holds, missed.holds) == (True, False)
    assert benchmark.table([row, missed]).splitlines()[1:] == [
        "ipv4   bytes           300       10   30.0x    30x",
        "ipv4   bytes           300       10   29.9x    30x   missed",
    ]


def test_ratios_are_taken_round_by_round() -> None:
    """The median of ratios, not the ratio of medians: a slow round slows both sides."""
    rows = list(benchmark._rows(4, 100, [(1.0, 2.0, 40.0), (3.0, 6.0, 90.0), (2.0, 4.0, 90.0)]))
    assert [(row.reading, row.ratio) for row in rows] == [("bytes", 40.0), ("steps", 20.0)]


@pytest.mark.parametrize(("reach", "code"), [(30.0, 0), (1.0, 1)])
def test_the_exit_code_tells_of_missed_gates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reach: float, code: int
) -> None:
    row = benchmark.Row(4, "bytes", 300.0, 10.0, reach, 30.0)
    monkeypatch.setattr(benchmark, "measure", lambda *_, **__: [row])
    assert benchmark.main(["--quick"]) == code
    assert capsys.readouterr().out.count("ipv4") == 2


def test_a_tiny_measurement_gives_both_rows(sim: dsflow.Simulation) -> None:
    rows = benchmark.measure(sim, 6, flow_count=4, rounds=1)
    assert [(row.family, row.reading, row.gate) for row in rows] == [(6, "bytes", 30.0), (6, "steps", 8.0)]
    assert all(row.dsflow_rate > 0 and row.scapy_rate > 0 for row in rows)
