"""A chain's own words: JSON as the contract has it, packets, ledger, assumptions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dsflow.dataplane.disposition import Disposition
from dsflow.engine.conntrack import Memories
from dsflow.engine.conversation import converse
from dsflow.engine.program import Network
from dsflow.net.address import Family
from dsflow.net.build import first_packet
from dsflow.net.wire import bad_checksums
from dsflow.trace.chain import Chain, Context, PathType, chains_json
from dsflow.version import __version__
from tests.cases import CLIENT, POD, REMOTE, SERVICE, WEB, gua, sydney


def _egress(family: int = 4) -> Chain:
    return sydney().trace(POD, WEB, family=family, tcp=443)


def test_the_json_has_the_contracts_keys_in_its_order() -> None:
    """dsflow.chain/1, from schema to assumptions, plain enough for any JSON writer."""
    found = json.loads(json.dumps(_egress().to_json()))
    assert list(found) == [
        "schema", "version", "scenario", "profile", "seed", "question", "path_type", "disposition", "round_trip",
        "traces", "nat_ledger", "latency_us", "assumptions",
    ]  # fmt: skip
    assert (found["schema"], found["version"]) == ("dsflow.chain/1", __version__)
    assert (found["scenario"], found["profile"], found["seed"]) == ("oke-sydney", "article", 0)
    assert found["question"] == {
        "from": POD, "to": WEB, "family": "ipv4", "protocol": "tcp", "sport": 40000, "dport": 443,
    }  # fmt: skip
    assert (found["path_type"], found["disposition"], found["round_trip"]) == ("egress", "delivered", "delivered")
    trace = found["traces"][0]
    assert list(trace) == ["connection", "direction", "family", "disposition", "cause", "hops"]
    hop = trace["hops"][3]
    assert list(hop) == [
        "index", "device", "kind", "in_interface", "out_interface", "packets_in", "packets_out", "header_in",
        "header_out", "steps", "latency_us",
    ]  # fmt: skip
    assert list(hop["header_in"]) == ["src", "dst", "sport", "dport", "protocol", "ttl", "length"]
    assert list(hop["steps"][0]) == [
        "stage", "effect", "rule", "source", "explicit", "reason", "changes", "evidence", "assumption",
    ]  # fmt: skip
    assert hop["packets_in"][0] == hop["packets_in"][0].lower()
    assert set(found["latency_us"]) == {"one_way", "round_trip", "assumed_share"}
    assert set(found["latency_us"]["one_way"]) == {"p50", "p95", "p99"}
    assert set(found["latency_us"]["one_way"]["p50"]) == {"value", "low", "high"}


def test_an_echo_has_its_icmp_in_the_header() -> None:
    """Ports null, then type, code, id and seq."""
    chain = sydney().trace(POD, REMOTE, family=6, icmp=True)
    header = chain.to_json()["traces"][0]["hops"][0]["header_out"]
    assert (header["sport"], header["dport"], header["protocol"]) == (None, None, "icmpv6")
    assert header["icmp"] == {"type": 128, "code": 0, "id": 1, "seq": 1}


def test_an_error_names_its_cause() -> None:
    """The trace and hop that it is about."""
    chain = sydney().trace(POD, WEB, family=4, tcp=443, ttl=2)
    assert chain.to_json()["traces"][1]["cause"] == {"trace": 0, "hop": 2}


def test_both_families_in_one_object() -> None:
    """dsflow.chains/1 holds one chain for each family."""
    found = chains_json({Family(family): _egress(family) for family in (4, 6)})
    assert found["schema"] == "dsflow.chains/1"
    assert [chain["question"]["family"] for chain in found["chains"]] == ["ipv4", "ipv6"]


def test_packets_are_scapys_by_trace_hop_and_place() -> None:
    """What left each hop; at the last, what arrived."""
    chain = _egress()
    packets = chain.to_packets()
    assert [len(trace) for trace in packets] == [len(trace.hops) for trace in chain.traces]
    assert packets[0][0][0]["TCP"].dport == 443
    assert packets[0][-1][0].src == "203.0.113.10"
    assert all(bad_checksums(bytes(packet)) == () for trace in packets for hop in trace for packet in hop)
    divided = sydney().trace(POD, WEB, family=4, udp=53, size=4000).to_packets()
    assert [len(hop) for hop in divided[0]] == [1, 1, 1, 3, 3]


def test_egress_tells_of_the_nat_gateway_that_was_not_met() -> None:
    """A row without a hop: that is how "no NAT" is shown."""
    chain = gua().trace(POD, WEB, family=6, tcp=443)
    (row,) = [row for row in chain.nat_ledger if row.device == "natgw/nat"]
    assert (row.kind, row.outcome, row.hop) == ("gateway-snat", "impossible", None)
    assert row.reason == "a NAT gateway never carries IPv6"
    inside = gua().trace(POD, REMOTE, family=6, tcp=80)
    assert all(row.device != "natgw/nat" for row in inside.nat_ledger)
    visited = sydney().trace(POD, WEB, family=4, tcp=443)
    assert all(row.hop is not None for row in visited.nat_ledger)


def test_an_applied_row_has_both_ends() -> None:
    """Before and after, in the JSON as well; other rows have neither."""
    chain = _egress()
    row = chain.nat_applied[0].to_json()
    assert row["before"] == {"src": "100.0.5.102", "dst": "198.51.100.80", "sport": 40000, "dport": 443}
    assert row["after"]["src"] == "203.0.113.10"
    assert (row["family"], row["direction"], row["connection"], row["hop"]) == ("ipv4", "forward", 1, 3)
    assert {(r.before, r.after) for r in chain.nat_ledger if r.outcome != "applied"} == {(None, None)}
    assert chain.nat_kinds == ("gateway-snat",)


def test_the_last_connection_tells_the_disposition() -> None:
    """A proxy's first trace is re-originated; the chain ends as the second does."""
    chain = gua().trace(CLIENT, SERVICE, family=6, tcp=80)
    assert chain.forward is chain.traces[2]
    assert (chain.disposition, chain.failed) == (Disposition.DELIVERED, None)


def test_a_failed_chain_points_at_the_trace_that_explains() -> None:
    """The forward trace, and its reason and mend."""
    chain = _egress(6)
    assert chain.failed is chain.traces[0]
    assert chain.round_trip is None
    assert chain.failed is not None
    assert chain.failed.mend


def test_assumptions_are_sorted_and_each_named_once() -> None:
    """Ids of the rules met and of the translations that were not made."""
    chain = _egress()
    assert list(chain.assumptions) == sorted(set(chain.assumptions))
    assert {"vcn-lowers-ttl", "node-masquerade-off", "nat-ports-per-destination"} <= set(chain.assumptions)


def test_a_chain_without_a_profile_has_no_times() -> None:
    """Then latency is None everywhere, in the JSON too."""
    simulation, question = sydney(), _egress().question
    packet = first_packet(4, "tcp", 0x6400_0566, 0xC633_6450, dport=443)
    traces = converse(Network(simulation.dataplane, 0), Memories(), POD, packet)
    chain = Chain(Context("s", "article", 3), question, PathType.EGRESS, traces)
    assert chain.latency is None
    found: dict[str, Any] = chain.to_json()
    assert found["latency_us"] is None
    assert found["traces"][0]["hops"][0]["latency_us"] is None
    assert found["seed"] == 3


@pytest.mark.parametrize(("what", "words"), [("chain", "ipv4 delivered"), ("trace", "natgw/nat"), ("hop", "-> eth0")])
def test_representations_are_short(what: str, words: str) -> None:
    """One line each."""
    chain = _egress()
    shown = {"chain": repr(chain), "trace": repr(chain.traces[0]), "hop": repr(chain.traces[0].hops[0])}[what]
    assert words in shown
    assert "\n" not in shown
