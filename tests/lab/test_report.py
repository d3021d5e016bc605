"""What the lab tells: agreements, both lists side by side, and the sums."""

from __future__ import annotations

import json
from dataclasses import replace

from dsflow.lab.compare import Caught, Expected, Maker, Row
from dsflow.lab.leftover import is_later_segment, is_own_reset, is_redirect, is_told_of, is_unreachable
from dsflow.lab.probe import Probe
from dsflow.lab.report import Outcome, Report
from dsflow.net.build import first_packet, icmp_error, reply_to, reset_to
from dsflow.net.packet import decremented

PACKET = first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=53)
PROBE = Probe(device="device/h0", packet=PACKET.raw)
EXPECTED = Expected(0, 0, "device/h0", "e0", "out", PACKET.raw, Maker.PROBE)
CAUGHT = Caught("device/h0", "e0", "out", PACKET.raw)
OTHER = Caught("device/h0", "e0", "out", decremented(PACKET).raw)

AGREES = Outcome(probe=PROBE, disposition="delivered", compared=1, rows=(Row(EXPECTED, CAUGHT),))
DIFFERS = Outcome(
    probe=PROBE,
    disposition="delivered",
    compared=1,
    omitted={"nothing stands for node/n1": 2},
    rows=(
        Row(EXPECTED, CAUGHT),
        Row(EXPECTED, OTHER, "ipv4.ttl: 64 expected, 63 seen"),
        Row(EXPECTED, None, "not seen"),
        Row(None, Caught("device/r0", "e1", "in", b"\x45"), "not expected"),
    ),
)
REFUSED = Outcome(probe=PROBE, reason="not modelled")
SILENT = Outcome(probe=PROBE, disposition="no-route", remark="sending: ENETUNREACH expected, success heard")


def report(*outcomes: Outcome, remarks: tuple[str, ...] = (), refused: tuple[str, ...] = ()) -> Report:
    return Report(scenario="s", outcomes=outcomes, remarks=remarks, refused=refused)


def test_agreement_is_a_line_and_a_sum() -> None:
    told = report(AGREES)
    assert told.holds
    assert str(told).splitlines() == [
        "PROBE                                                           DISPOSITION   HOPS   KERNEL",
        "device/h0: udp 10.0.0.1:40000 > 10.0.0.2:53, ttl 64, 60 bytes   delivered     1      agrees",
        "",
        "1 probe, 1 hop compared, 0 hops not compared, no disagreements",
    ]


def test_a_disagreement_shows_both_lists_and_marks_the_first_difference() -> None:
    told = report(AGREES, DIFFERS)
    assert not told.holds
    text = str(told)
    ours = "h0 e0 out: udp 10.0.0.1 > 10.0.0.2 40000>53 ttl 64 60 bytes"
    assert f"   {ours}   {ours}" in text
    assert f">> {ours}   {ours.replace('64', '63')}\n     ipv4.ttl: 64 expected, 63 seen" in text
    assert f" ! {ours}   -\n     not seen" in text
    assert "r0 e1 in: 1 bytes, malformed" in text
    assert text.count(">> ") == 1
    assert text.endswith("2 probes, 2 hops compared, 2 hops not compared (nothing stands for node/n1), 1 disagreement")


def test_what_the_sender_heard_is_told_first() -> None:
    told = report(SILENT)
    assert ">> sending: ENETUNREACH expected, success heard" in str(told)
    assert told.disagreements == (SILENT,)


def test_what_was_not_asked_is_told() -> None:
    told = report(REFUSED, refused=("a -> b: no",))
    assert "not modelled" in str(told)
    assert "not asked: a -> b: no" in str(told)
    assert "not sent: 1 of the probes" in str(told)
    assert not told.holds


def test_what_was_not_compared_is_told_by_reason() -> None:
    one, other = replace(AGREES, omitted={"held back": 1, "elsewhere": 2}), replace(AGREES, omitted={"elsewhere": 1})
    told = report(one, other, remarks=("a bridge is no Internet",))
    assert told.omitted == {"elsewhere": 3, "held back": 1}
    assert "2 hops compared, 4 hops not compared (3: elsewhere; 1: held back), no disagreements" in str(told)
    assert str(told).endswith("\nnote: a bridge is no Internet")
    assert told.to_json()["not_compared"] == {"elsewhere": 3, "held back": 1}


def test_an_empty_report_is_no_success() -> None:
    assert not report().holds
    assert str(report()).startswith("0 probes, 0 hops compared")


def test_the_report_as_json() -> None:
    told = json.loads(json.dumps(report(AGREES, DIFFERS).to_json()))
    assert told["schema"] == "dsflow.lab/1"
    assert told["hops_compared"] == 2
    assert told["dispositions"] == {"delivered": 1}
    assert "packets" not in told["outcomes"][0]
    assert told["outcomes"][1]["packets"][2]["seen"] is None
    assert told["outcomes"][1]["difference"] == "ipv4.ttl: 64 expected, 63 seen"


def test_the_senders_own_reset_is_known() -> None:
    """Of an answer that its kernel knows nothing of; and no other reset."""
    syn = first_packet(4, "tcp", 0x0A000001, 0x0A000002, dport=80)
    answer = reply_to(syn)
    assert answer is not None
    reset = reset_to(answer)
    assert reset is not None
    expected = [Expected(1, 0, "device/h1", "e0", "out", answer.raw, Maker.KERNEL)]
    assert is_own_reset(reset.raw, expected)
    assert not is_own_reset(reset.raw, [EXPECTED])
    assert not is_own_reset(answer.raw, expected)
    about = icmp_error(reset, src=0x0A000009, icmp_type=11, icmp_code=0)
    assert about is not None
    assert is_own_reset(about.raw, expected)


def test_notes_and_failures_are_told_apart() -> None:
    redirect = icmp_error(PACKET, src=0x0A000009, icmp_type=5, icmp_code=1)
    failure = icmp_error(PACKET, src=0x0A000009, icmp_type=3, icmp_code=1)
    assert redirect is not None
    assert failure is not None
    assert is_redirect(redirect.raw)
    assert not is_redirect(failure.raw)
    assert is_unreachable(failure.raw)
    assert not is_unreachable(redirect.raw)
    assert not is_redirect(b"")


def test_what_follows_an_opening_is_known() -> None:
    syn = first_packet(4, "tcp", 0x0A000001, 0x0A000002, dport=80)
    answer = reply_to(syn)
    assert answer is not None
    flags = syn.transport + 13
    acknowledgement = syn.raw[:flags] + b"\x10" + syn.raw[flags + 1 :]
    assert is_later_segment(acknowledgement)
    assert not any(map(is_later_segment, (syn.raw, answer.raw, PACKET.raw)))


def test_who_is_told_of_a_refused_packet() -> None:
    error = icmp_error(PACKET, src=0x0A000009, icmp_type=3, icmp_code=3)
    syn = first_packet(4, "tcp", 0x0A000001, 0x0A000002, dport=80)
    reset = reset_to(syn)
    assert error is not None
    assert reset is not None
    assert is_told_of(error.raw, PACKET.raw)
    assert is_told_of(reset.raw, syn.raw)
    about = icmp_error(reset, src=0x0A000009, icmp_type=3, icmp_code=13)
    assert about is not None
    assert is_told_of(about.raw, syn.raw)
    assert not is_told_of(PACKET.raw, PACKET.raw)
    assert not is_told_of(reset.raw, decremented(reset).raw)
