"""A visit to one device: what came in, what left, why."""

from __future__ import annotations

from dsflow.trace.step import Effect
from tests.cases import POD, REMOTE, WEB, sydney


def test_the_origin_only_sends_and_the_last_only_receives() -> None:
    """None and nothing where there can be nothing."""
    hops = sydney().trace(POD, REMOTE, family=6, tcp=80).traces[0].hops
    first, last = hops[0], hops[-1]
    assert (first.in_interface, first.packets_in, first.header_in, first.out_interface) == (None, (), None, "eth0")
    assert (last.out_interface, last.packets_out, last.header_out, last.in_interface) == (None, (), None, "eth0")
    assert [hop.kind for hop in hops] == ["pod", "node", "vcn", "node", "pod"]
    assert [hop.out_interface for hop in hops[:-1]] == ["eth0", "eth1", "subnet/pods", REMOTE]


def test_what_a_device_could_translate_and_did_not_is_skipped() -> None:
    """After the decisions, one step for each kind, in the words of the family."""
    node = sydney().trace(POD, REMOTE, family=6, tcp=80).traces[0].hops[1]
    skipped = [step for step in node.steps if step.effect is Effect.SKIP]
    assert [step.stage for step in skipped] == ["service-dnat", "masquerade", "hairpin-masquerade"]
    assert node.steps[-3:] == tuple(skipped)
    gateway = sydney().trace(POD, WEB, family=6, tcp=443).traces[0].hops[-1]
    assert gateway.steps[-1].reason == "an Internet gateway passes IPv6 unchanged"


def test_what_was_translated_is_not_skipped() -> None:
    """The NAT gateway's step is a rewriting with its changes."""
    gateway = sydney().trace(POD, WEB, family=4, tcp=443).traces[0].hops[3]
    assert [step.effect for step in gateway.steps] == [Effect.PASS, Effect.REWRITE, Effect.REWRITE]
    assert [change.field for change in gateway.steps[-1].changes] == ["src", "sport"]
    assert gateway.translated


def test_steps_name_their_place_in_the_scenario() -> None:
    """File and line, so that an author finds the rule."""
    vcn = sydney().trace(POD, WEB, family=4, tcp=443).traces[0].hops[2]
    assert str(vcn.steps[0].source).startswith("oke-sydney.yaml:")
    assert vcn.steps[0].rule == "subnet/pods/route-table#1"
