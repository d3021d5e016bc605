"""Everything that ``dsflow run --out`` writes, for every embedded scenario."""

from __future__ import annotations

import csv
import json
import subprocess
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import dsflow
from dsflow.cli.run import RESULTS, write_results
from dsflow.query.matrix import Matrix, run_matrix
from dsflow.scenario import embedded
from dsflow.trace.schema import chain_schema
from tests.needs import needs

CHECKSUMS = ("ip", "tcp", "udp", "icmp", "icmpv6")


@cache
def _matrix(name: str) -> Matrix:
    return run_matrix(dsflow.load(name))


@pytest.fixture(params=embedded.names())
def name(request: pytest.FixtureRequest) -> str:
    """An embedded scenario."""
    return str(request.param)


@pytest.fixture
def folder(name: str, tmp_path: Path) -> Path:
    """Its results."""
    write_results(_matrix(name), tmp_path, lambda _done, _total: None)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(RESULTS)
    return tmp_path


def test_chains_keep_the_schema(name: str, folder: Path) -> None:
    validator = Draft202012Validator(chain_schema())
    chains = [json.loads(line) for line in (folder / "chains.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(chains) == len(_matrix(name).chains) > 0
    for chain in chains:
        validator.validate(chain)


def test_every_visit_has_its_time(name: str, folder: Path) -> None:
    with (folder / "latency.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    visits = [hop.device for chain in _matrix(name).chains for trace in chain.traces for hop in trace.hops]
    assert [row["device"] for row in rows if row["scope"] == "hop"] == visits
    assert all(row["p50_us"] for row in rows)


@needs("tshark")
def test_tshark_reads_every_packet_and_finds_no_bad_checksum(name: str, folder: Path) -> None:
    command = ["tshark", "-r", str(folder / "flows.pcapng"), "-T", "fields"]
    for protocol in CHECKSUMS:
        command += ["-e", f"{protocol}.checksum.status"]
        if not protocol.startswith("icmp"):
            command += ["-o", f"{protocol}.check_checksum:TRUE"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines = result.stdout.splitlines()
    packets = [
        raw
        for chain in _matrix(name).chains
        for trace in chain.traces
        for hop in trace.hops
        for raw in hop.packets_out or hop.packets_in
    ]
    assert len(lines) == len(packets)
    assert "0" not in {status for line in lines for cell in line.split("\t") for status in cell.split(",")}


def test_the_page_names_every_device_of_the_network(name: str, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    for device in _matrix(name).simulation.topology.devices:
        assert f">{device}</text>" in page
