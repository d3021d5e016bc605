"""A chain as a Mermaid sequence diagram."""

from __future__ import annotations

import re

import pytest

import dsflow
from dsflow.report.mermaid import chain_mermaid
from tests.answers import ANSWERS

STATEMENTS = re.compile(
    r"sequenceDiagram|    title: .+|    participant d\d+ as .+|    Note over d\d+(,d\d+)?: .+|    d\d+--?>>d\d+: .+"
)


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_line_is_a_statement_without_characters_that_would_end_it(answer: str) -> None:
    lines = chain_mermaid(ANSWERS[answer]).splitlines()
    for line in lines:
        assert STATEMENTS.fullmatch(line), line
        plain = re.sub(r"#\d+;", "", line)
        assert not set("#;") & set(plain)
        assert "%%" not in plain


@pytest.mark.parametrize("answer", ANSWERS)
def test_devices_are_participants_and_links_are_messages(answer: str) -> None:
    chain = ANSWERS[answer]
    text = chain_mermaid(chain)
    names = dict(re.findall(r"participant (d\d+) as (.+)", text))
    messages = [(names[here], names[there]) for here, there in re.findall(r"(d\d+)--?>>(d\d+):", text)]
    links = [
        (here.device, there.device)
        for trace in chain.traces
        for here, there in zip(trace.hops, trace.hops[1:], strict=False)
    ]
    assert messages == links


def test_a_translation_is_a_note_where_it_happens() -> None:
    text = chain_mermaid(ANSWERS["egress-ipv4"])
    after = ANSWERS["egress-ipv4"].nat_applied[0].after
    assert after is not None
    assert f"Note over d3: gateway-snat: source 100.0.5.102:40000 becomes 203.0.113.10:{after.sport}" in text
    assert "destination 203.0.113.20:80 becomes 100.0.2.10:80" in chain_mermaid(ANSWERS["ingress-ipv4"])
    assert "becomes" not in chain_mermaid(ANSWERS["ingress-ipv6"])


def test_a_failure_is_a_note_with_why_and_what_would_mend_it() -> None:
    text = chain_mermaid(ANSWERS["scope"])
    assert "Note over d3: scope-unroutable: fd00:100::/56 is not globally routable" in text
    assert "Note over d3: to mend: number subnet/pods and what is in it from" in text


def test_pieces_are_told() -> None:
    assert ", 2 fragments" in chain_mermaid(ANSWERS["ping-in-pieces"])


def test_only_the_way_there_is_drawn_in_full_lines() -> None:
    text = chain_mermaid(ANSWERS["error"])
    assert "d0->>d1" in text
    assert "d1-->>d0" in text


def test_a_redirect_is_a_note() -> None:
    text = chain_mermaid(dsflow.load("lan-segment").trace("h0", "s0", family=4, tcp=80))
    assert "Note over d1: redirect: the packet leaves as it came, so its sender is told" in text
    assert "redirect" not in chain_mermaid(dsflow.load("lan-segment").trace("h0", "s0", family=6, tcp=80))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "packet without an IP header, 0 bytes"),
        (b"garbage!", "packet without an IP header, 8 bytes"),
        (b"\x95" + bytes(39), "packet without an IP header, 40 bytes"),
        (bytes.fromhex("4500001400000000400000000a0100020a010202"), "10.1.0.2 -> 10.1.2.2, TTL 64"),
    ],
)
def test_of_bytes_that_are_no_packet_no_header_is_told(raw: bytes, told: str) -> None:
    chain = dsflow.load("two-routers").send("h0", raw, interface="e0")
    text = chain_mermaid(chain)
    assert f"d0->>d1: {told}\n" in text
    assert "Note over d1: malformed: no packet that a machine takes in" in text
    assert all(STATEMENTS.fullmatch(line) for line in text.splitlines())


def test_errors_of_one_cause_are_told_one_after_the_other() -> None:
    """IPv6 routers tell of every fragment that they refuse: of the large two here, of the small one further on."""
    chain = dsflow.load("two-routers").trace("h0", "fd00:1:8::1", family=6, icmp=True, size=3000)
    text = chain_mermaid(chain)
    assert text.count("error about the forward packet at hop") == 3
    assert all(STATEMENTS.fullmatch(line) for line in text.splitlines())
