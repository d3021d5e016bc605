"""A chain as a table for analysts."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from dsflow.errors import HostError
from dsflow.trace.frame import hop_records
from tests.answers import ANSWERS


def test_a_frame_has_a_row_for_every_hop() -> None:
    pandas = import_module("pandas")
    for chain in ANSWERS.values():
        frame = chain.to_frame()
        assert isinstance(frame, pandas.DataFrame)
        assert list(frame["device"]) == [hop.device for trace in chain.traces for hop in trace.hops]


def test_a_record_holds_the_header_as_it_leaves() -> None:
    records = list(hop_records(ANSWERS["egress-ipv4"]))
    gateway = records[3]
    assert (gateway["device"], gateway["src"], gateway["ttl"]) == ("natgw/nat", "203.0.113.10", 61)
    assert (gateway["connection"], gateway["direction"], gateway["hop"]) == (1, "forward", 3)
    assert gateway["p50_low_us"] < gateway["p50_us"] < gateway["p50_high_us"]
    assert records[4]["out_interface"] is None
    assert records[4]["dport"] == 443


def test_a_chain_without_a_packet_has_a_row_without_a_header() -> None:
    (record,) = hop_records(ANSWERS["undetermined"])
    assert record["src"] is None
    assert record["ttl"] is None


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(HostError, match=r"pip install 'dsflow\[pandas\]'"):
        ANSWERS["udp"].to_frame()


def test_a_row_tells_the_translation_and_the_last_decision() -> None:
    """What a teacher points at: where an address changed, and which rule ended the way."""
    rows = list(hop_records(ANSWERS["egress-ipv4"]))
    assert [row["nat"] for row in rows if row["nat"]] == ["gateway-snat", "gateway-snat"]
    *_, last = hop_records(ANSWERS["scope"])
    assert (last["device"], last["rule"]) == ("igw/igw", "vcn/oke/ipv6/fd00:100::/56")
    assert "not globally routable" in last["reason"]
