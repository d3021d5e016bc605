"""Packets at every hop, as Wireshark and tshark read them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import dsflow
from dsflow.errors import HostError
from dsflow.report.pcapng import EPOCH_US, captures, write_pcapng
from tests.answers import ANSWERS
from tests.needs import needs

CHECKED = [f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_pcapng(ANSWERS.values(), tmp_path / "flows.pcapng")
    return tmp_path / "flows.pcapng"


def _tshark(file: Path, *fields: str) -> list[list[str]]:
    command = ["tshark", "-r", str(file), "-T", "fields"]
    for setting in CHECKED:
        command += ["-o", setting]
    for field in fields:
        command += ["-e", field]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [line.split("\t") for line in result.stdout.splitlines()]


@needs("tshark")
def test_tshark_reads_back_every_packet_with_comment_interface_and_time(file: Path) -> None:
    read = _tshark(file, "frame.time_epoch", "frame.interface_name", "frame.comment", "frame.len")
    written = list(captures(ANSWERS.values()))
    assert len(read) == len(written) > 100
    for (time, interface, comment, length), capture in zip(read, written, strict=True):
        seconds, fraction = time.split(".")
        assert int(seconds) * 1_000_000 + int(fraction[:6]) == capture.time_us
        assert (interface, comment, int(length)) == (capture.interface, capture.comment, len(capture.raw))


@needs("tshark")
def test_tshark_finds_no_bad_checksum(file: Path) -> None:
    """1 is good; 2 and 3 are unverified and absent, as in a fragment."""
    statuses = [f"{protocol}.checksum.status" for protocol in ("ip", "tcp", "udp", "icmp", "icmpv6")]
    read = _tshark(file, *statuses)
    found = {status for row in read for cell in row for status in cell.split(",")}
    assert "1" in found
    assert "0" not in found


def test_a_comment_names_chain_trace_device_interface_and_steps() -> None:
    comments = [capture.comment for capture in captures([ANSWERS["egress-ipv4"]])]
    port = ANSWERS["egress-ipv4"].nat_applied[0].after
    assert port is not None
    assert comments[3] == (
        "oke-sydney egress ipv4 c1 forward #3 natgw/nat out internet: route pass; hop-limit (ttl 62 -> 61); "
        f"gateway-snat natgw/nat (src 100.0.5.102 -> 203.0.113.10, sport 40000 -> {port.sport})"
    )
    assert comments[4] == "oke-sydney egress ipv4 c1 forward #4 internet/web in eth0: route pass; listener deliver"


def test_every_packet_that_left_is_there_and_the_last_arrival() -> None:
    for chain in ANSWERS.values():
        expected = [raw for trace in chain.traces for hop in trace.hops for raw in hop.packets_out or hop.packets_in]
        assert [capture.raw for capture in captures([chain])] == expected


def test_pieces_of_one_packet_are_numbered() -> None:
    comments = [capture.comment for capture in captures([ANSWERS["ping-in-pieces"]])]
    assert any(comment.endswith("(fragment 2)") for comment in comments)


def test_time_begins_at_a_fixed_moment_and_never_goes_back() -> None:
    times = [capture.time_us for capture in captures(ANSWERS.values())]
    assert times[0] == EPOCH_US
    assert times == sorted(times)


def test_the_same_chains_are_the_same_bytes(file: Path, tmp_path: Path) -> None:
    write_pcapng(iter(ANSWERS.values()), tmp_path / "again.pcapng")
    assert file.read_bytes() == (tmp_path / "again.pcapng").read_bytes()


def test_no_chain_gives_a_file_without_packets(tmp_path: Path) -> None:
    write_pcapng([], tmp_path / "empty.pcapng")
    assert (tmp_path / "empty.pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be written"):
        write_pcapng(ANSWERS.values(), tmp_path / "missing" / "flows.pcapng")
    assert list(tmp_path.iterdir()) == []


def test_errors_about_one_packet_are_numbered() -> None:
    chain = dsflow.load("two-routers").trace("h0", "fd00:1:8::1", family=6, icmp=True, size=3000)
    comments = [capture.comment for capture in captures([chain])]
    assert any(" c1 error 1 #0 device/r0 out e0" in comment for comment in comments)
    assert any(" c1 error 2 #1 device/h0 in e0" in comment for comment in comments)


ODD = (b"x", b"garbage!", b"\x95" + bytes(39), bytes.fromhex("4500001400000000400000000a0100020a010202"), bytes(70))


@needs("tshark")
def test_bytes_that_are_no_packet_are_kept_as_they_are(tmp_path: Path) -> None:
    simulation = dsflow.load("two-routers")
    chains = [simulation.send("h0", raw, interface="e0") for raw in ODD]
    assert [capture.raw for capture in captures(chains)] == [raw for raw in ODD for _ in range(2)]
    write_pcapng(chains, tmp_path / "odd.pcapng")
    read = _tshark(tmp_path / "odd.pcapng", "frame.len", "frame.comment")
    assert [int(length) for length, _ in read] == [len(raw) for raw in ODD for _ in range(2)]
    assert all("in e0: receive drop" in comment for _, comment in read[1::2])


def test_what_never_left_its_sender_is_not_there() -> None:
    assert list(captures([dsflow.load("two-routers").send("h0", b"garbage!")])) == []


@needs("tshark")
def test_a_checksum_that_was_sent_wrong_stays_wrong_and_is_the_only_one(tmp_path: Path) -> None:
    simulation = dsflow.load("two-routers")
    raw = bytearray(simulation.trace("h0", "h2", family=4, udp=53).traces[0].hops[0].packets_out[0])
    raw[27] ^= 0xFF
    write_pcapng([simulation.send("h0", bytes(raw), interface="e0")], tmp_path / "odd.pcapng")
    assert _tshark(tmp_path / "odd.pcapng", "ip.checksum.status", "udp.checksum.status") == [["1", "0"]] * 4
