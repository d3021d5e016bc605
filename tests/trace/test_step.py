"""Steps in words: templates filled, header fields compared, patterns told like first visits."""

from __future__ import annotations

from dsflow.dataplane.action import Evidence, Rule
from dsflow.net.build import first_packet
from dsflow.net.packet import decremented, rewritten
from dsflow.trace.step import Change, Decision, Effect, explain, header_changes, in_words

PACKET = first_packet(4, "tcp", 0x0A000001, 0x0A000002, sport=7, dport=80)
ECHO = first_packet(6, "icmp", 1, 2, sport=5)


def _decision(**fields: object) -> Decision:
    given = {"stage": "route", "effect": Effect.PASS, "rule": Rule(reason="to {dst}"), "before": PACKET}
    rest = {"after": None, "kind": None, "mtu_bytes": 0}
    return Decision(**{**given, **rest, **fields})  # type: ignore[arg-type]  # the values are right, mypy sees objects


def test_templates_take_any_header_field() -> None:
    """Addresses, ports, protocol, hop limit, length and the link's MTU."""
    template = "{src}:{sport} {dst}:{dport} {protocol} {ttl} {length} {mtu}"
    assert in_words(template, PACKET, 1500) == "10.0.0.1:7 10.0.0.2:80 tcp 64 40 1500"
    assert in_words("plain", PACKET) == "plain"
    assert in_words("{dst}", None) == "{dst}"


def test_changes_are_the_fields_that_differ() -> None:
    """In a fixed order, checksums and lengths left out."""
    other = decremented(rewritten(PACKET, src=0x0A000009, dport=8080))
    assert header_changes(PACKET, other) == (
        Change("src", "10.0.0.1", "10.0.0.9"),
        Change("dport", 80, 8080),
        Change("ttl", 64, 63),
    )
    assert header_changes(PACKET, PACKET) == ()


def test_an_echos_identifier_is_a_field_of_its_own() -> None:
    """It is what a NAT changes of an echo."""
    assert header_changes(ECHO, rewritten(ECHO, sport=9)) == (Change("icmp.id", 5, 9),)


def test_a_step_says_where_its_rule_was_written() -> None:
    """Rule, source, evidence and assumption come from the rule; an empty source is none."""
    rule = Rule(id="t#1", reason="to {dst}", source="a.yaml:3", assumption="vcn-lowers-ttl", explicit=False)
    step = explain(_decision(rule=rule))
    assert (step.rule, step.source, step.reason, step.explicit) == ("t#1", "a.yaml:3", "to 10.0.0.2", False)
    assert (step.evidence, step.assumption, step.changes) == (Evidence.ASSUMED, "vcn-lowers-ttl", ())
    assert explain(_decision(rule=Rule(reason="r", source=""))).source is None


def test_a_step_without_two_packets_changes_nothing() -> None:
    """Nothing to compare with."""
    decision = _decision(after=decremented(PACKET))
    assert explain(decision).changes == (Change("ttl", 64, 63),)
    assert explain(decision._replace(before=None)).changes == ()
    assert explain(decision._replace(after=None)).changes == ()


def test_steps_are_plain_in_json() -> None:
    """Changes as objects, enums as their words."""
    found = explain(_decision(effect=Effect.REWRITE, after=decremented(PACKET))).to_json()
    assert found["changes"] == [{"field": "ttl", "before": 64, "after": 63}]
    assert found["effect"] == "rewrite"
