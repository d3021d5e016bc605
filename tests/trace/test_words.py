"""What is said about a chain, in whatever form it is shown."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP

from dsflow.dataplane.action import Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.trace import words
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Trace
from tests.answers import ANSWERS
from tests.cases import POD, sydney


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("egress-ipv4", "delivered, and the answer came back"),
        ("scope", "not delivered: scope-unroutable at igw/igw"),
        ("error", "not delivered: hop-limit-exceeded at node/node-1"),
        ("undetermined", "undetermined: the model cannot tell"),
        ("return-lost", "delivered, but the answer was lost: no-route at vcn/oke"),
    ],
)
def test_the_verdict_is_one_sentence(answer: str, verdict: str) -> None:
    told, why, _ = words.verdict_words(ANSWERS[answer])
    assert told == verdict
    assert (why is None) == (ANSWERS[answer].failed is None)


def test_what_left_the_model_is_said_to_have_left() -> None:
    told, why, mend = words.verdict_words(ANSWERS["left-model"])
    assert told == "left the model at natgw/nat: 192.0.2.9 is on the Internet, beyond what this scenario describes"
    assert (why, mend) == (None, None)


def test_an_answer_to_nothing_awaits_no_answer() -> None:
    reset = sydney().send(POD, IP(src="100.0.5.102", dst="100.0.5.215") / TCP(dport=80, flags="R"))
    assert words.verdict_words(reset)[0] == "not delivered: no-listener at pod/default/nginx-568f7cfd68-pvgct"
    assert len(reset.traces) == 1


def test_the_smallest_change_is_told() -> None:
    assert (
        words.verdict_words(ANSWERS["scope"])[2]
        == "number subnet/pods and what is in it from 2001:db8:100::/56, which is global"
    )


def test_connections_are_numbered_where_there_are_several() -> None:
    chain = ANSWERS["ingress-ipv6"]
    assert [words.direction_words(chain, trace) for trace in chain.traces] == [
        "connection 1, forward",
        "connection 1, reply",
        "connection 2, forward",
        "connection 2, reply",
    ]
    error = ANSWERS["error"]
    assert words.direction_words(error, error.traces[1]) == "error about the forward packet at hop 1"


def test_a_question_names_protocol_and_port() -> None:
    assert words.question_words(ANSWERS["ping-in-pieces"]).endswith("IPv4, echo (ping)")
    assert words.question_words(ANSWERS["udp"]).endswith("IPv4, udp port 53")


def test_an_answer_may_be_undetermined() -> None:
    chain = ANSWERS["udp"]
    there, back = chain.traces
    rule = Rule(reason="nobody knows")
    lost = Trace(1, back.direction, back.family, Disposition.UNDETERMINED, None, list(back.hops), rule)
    unclear = Chain(sydney().context("oke"), chain.question, chain.path_type, [there, lost])
    assert words.verdict_words(unclear) == (
        "delivered; whether the answer came back is undetermined",
        "nobody knows",
        None,
    )


def test_remarks_name_rules_translations_and_the_end() -> None:
    remarks = [row.remark for row in words.hop_words(ANSWERS["egress-ipv4"].traces[0])]
    assert remarks == ["", "", "rule subnet/pods/route-table#1", "gateway-snat rewrites src and sport", "delivered"]


def test_a_hop_shows_the_packet_as_it_leaves() -> None:
    rows = list(words.hop_words(ANSWERS["egress-ipv4"].traces[0]))
    assert rows[2].packet == "100.0.5.102:40000 -> 198.51.100.80:443"
    assert rows[3].packet.startswith("203.0.113.10:")
    assert [row.ttl for row in rows] == ["64", "63", "62", "61", "61"]


def test_fragments_are_told_where_they_arise_and_where_they_pass() -> None:
    rows = [row.remark for trace in ANSWERS["ping-in-pieces"].traces for row in words.hop_words(trace)]
    assert any("divided into 2 fragments" in remark for remark in rows)
    assert any(remark.endswith(", 2 fragments") or remark == "2 fragments" for remark in rows)


def test_an_icmp_message_says_what_it_is() -> None:
    first = next(words.hop_words(ANSWERS["ping-in-pieces"].traces[0]))
    assert first.packet == "100.0.5.102 -> 198.51.100.80 (icmp type 8 code 0 id 1)"
    error = next(words.hop_words(ANSWERS["error"].traces[1]))
    assert error.packet.endswith("(icmpv6 type 3 code 0)")


def test_a_chain_without_a_packet_shows_dashes() -> None:
    (row,) = words.hop_words(ANSWERS["undetermined"].traces[0])
    assert (row.ttl, row.packet, row.length) == ("-", "-", "-")
    assert words.latency_words(ANSWERS["undetermined"]) == ()


def test_no_translation_is_told_with_the_places_that_could() -> None:
    assert words.ledger_summary(ANSWERS["scope"].nat_ledger) == "no translation applied, 3 skipped, 2 impossible"
    assert words.ledger_summary(ANSWERS["egress-ipv4"].nat_ledger) == "2 applied, 6 skipped"
    assert words.ledger_summary(ANSWERS["ingress-ipv6"].nat_ledger).endswith("is not NAT")


def test_a_translation_is_told_with_both_ends() -> None:
    told = words.translation_words(ANSWERS["ingress-ipv4"].nat_applied[0])
    assert told == (
        "public-ip-one-to-one at igw/igw, forward: "
        "198.51.100.7:40000 -> 203.0.113.20:80 became 198.51.100.7:40000 -> 100.0.2.10:80"
    )
    idle = ANSWERS["scope"].nat_ledger[0]
    assert words.translation_words(idle).endswith(idle.reason)


@pytest.mark.parametrize(
    ("answer", "ways"),
    [
        ("egress-ipv4", ["one way", "round trip"]),
        ("scope", ["until it stopped"]),
        ("left-model", ["until it left the model"]),
        ("return-lost", ["one way"]),
    ],
)
def test_times_are_told_for_what_was_travelled(answer: str, ways: list[str]) -> None:
    *times, share = words.latency_words(ANSWERS[answer])
    assert [line.partition(":")[0] for line in times] == ways
    assert share.endswith("% of the mean rests on analogues and judgement")


def test_times_have_the_units_people_use() -> None:
    assert words.interval_words((0.0, 0.0, 0.0)) == "0.0 µs (90 %: 0.0 to 0.0 µs)"
    assert words.interval_words((1.5e6, 999.0, 2e6)) == "1.5 s (90 %: 999 µs to 2.0 s)"
