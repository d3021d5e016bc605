"""Latency estimates as a long table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dsflow.report.latency_csv import COLUMNS, latency_rows, write_latency_csv
from tests.answers import ANSWERS


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, str]]:
    write_latency_csv(ANSWERS.values(), tmp_path / "latency.csv")
    with (tmp_path / "latency.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_header_names_the_unit_of_every_time(rows: list[dict[str, str]]) -> None:
    times = [name for name in COLUMNS if name.startswith("p") and name[1:3].isdigit()]
    assert len(times) == 9
    assert all(name.endswith("_us") for name in times)
    assert tuple(rows[0]) == COLUMNS


def test_there_is_a_row_for_every_way_and_every_hop(rows: list[dict[str, str]]) -> None:
    hops = sum(len(trace.hops) for chain in ANSWERS.values() for trace in chain.traces)
    assert sum(row["scope"] == "hop" for row in rows) == hops
    assert sum(row["scope"] in ("one-way", "until-stopped") for row in rows) == len(ANSWERS)
    answered = sum(chain.round_trip == "delivered" for chain in ANSWERS.values())
    assert sum(row["scope"] == "round-trip" for row in rows) == answered > 0


def test_every_row_says_what_its_numbers_are_worth(rows: list[dict[str, str]]) -> None:
    assert {row["basis"] for row in rows} == {"estimate, not measured in OCI"}


def test_only_a_delivered_packet_has_a_one_way_time() -> None:
    scopes = {name: next(latency_rows(chain))["scope"] for name, chain in ANSWERS.items()}
    assert scopes["egress-ipv4"] == "one-way"
    assert scopes["scope"] == scopes["left-model"] == scopes["refused"] == "until-stopped"


def test_a_total_equals_the_chains_estimate() -> None:
    chain = ANSWERS["ingress-ipv6"]
    one_way, round_trip, *hops = latency_rows(chain)
    assert one_way["p50_us"] == chain.latency.to_json()["one_way"]["p50"]["value"]
    assert round_trip["p99_high_us"] == chain.latency.to_json()["round_trip"]["p99"]["high"]
    assert [(row["connection"], row["direction"], row["hop"]) for row in hops[:2]] == [
        (1, "forward", 0),
        (1, "forward", 1),
    ]


def test_where_no_packet_was_made_there_is_no_time() -> None:
    for row in latency_rows(ANSWERS["undetermined"]):
        assert not any(name.endswith("_us") for name in row)
