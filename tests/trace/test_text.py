"""What print(chain) shows."""

from __future__ import annotations

import pytest

import dsflow
from dsflow.trace.text import chain_text
from tests.answers import ANSWERS


def test_the_article_half_right_reads_so() -> None:
    assert str(ANSWERS["scope"]).splitlines()[:13] == [
        "pod/default/nginx-568f7cfd68-g4h2c to internet/web, IPv6, tcp port 443",
        "egress path, scenario oke-sydney, profile article, seed 0",
        "not delivered: scope-unroutable at igw/igw",
        "  why: fd00:100::/56 is not globally routable (origin ula): it never crosses the Internet gateway",
        "  to mend: number subnet/pods and what is in it from 2001:db8:100::/56, which is global",
        "",
        "forward: scope-unroutable",
        "  packet [fd00:100:0:4:0:6ed9:2497:6dd8]:40000 -> [2001:db8:ffff::80]:443, 60 bytes",
        "  #  DEVICE                              IN                      OUT      TTL  REMARKS",
        "  0  pod/default/nginx-568f7cfd68-g4h2c  -                       eth0     64",
        "  1  node/node-1                         nginx-568f7cfd68-g4h2c  eth1     63",
        "  2  vcn/oke                             subnet/pods             igw/igw  62   rule subnet/pods/route-table#2",
        "  3  igw/igw                             vcn/oke                 -        62   "
        "rule vcn/oke/ipv6/fd00:100::/56, scope-unroutable",
    ]


def test_the_packet_is_told_again_where_it_changed() -> None:
    lines = str(ANSWERS["egress-ipv4"]).splitlines()
    at = next(number for number, line in enumerate(lines) if "gateway-snat rewrites" in line)
    assert lines[at + 1].startswith("  packet 203.0.113.10:")
    assert sum(line.startswith("  packet ") for line in lines) == 4  # two traces, each begun and changed once


def test_ipv6_packets_are_told_once_a_trace() -> None:
    lines = str(ANSWERS["ingress-ipv6"]).splitlines()
    assert sum(line.startswith("  packet ") for line in lines) == len(ANSWERS["ingress-ipv6"].traces) == 4


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("wide", [False, True])
def test_every_hop_has_a_line_and_no_line_ends_in_blanks(answer: str, wide: bool) -> None:
    chain = ANSWERS[answer]
    text = chain_text(chain, wide=wide)
    for trace in chain.traces:
        for hop in trace.hops:
            assert f"  {hop.index}  {hop.device}" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("answer", ANSWERS)
def test_wide_adds_every_reason(answer: str) -> None:
    chain = ANSWERS[answer]
    text = chain_text(chain, wide=True)
    for trace in chain.traces:
        for hop in trace.hops:
            for step in hop.steps:
                assert step.reason in text
                assert step.rule is None or step.rule in text
                assert step.source is None or step.source in text
    for row in chain.nat_ledger:
        assert row.reason in text


def test_times_come_with_their_caveat() -> None:
    for name, chain in ANSWERS.items():
        assert ("latency (estimate, not measured in OCI):" in str(chain)) == (name != "undetermined")


def test_of_bytes_without_a_header_the_length_is_told() -> None:
    text = chain_text(dsflow.load("two-routers").send("h0", b"garbage!", interface="e0"))
    assert text.splitlines()[0] == "device/h0 sends 8 bytes without an IP header"
    assert "  packet without an IP header, 8 bytes" in text.splitlines()
    assert "::" not in text
