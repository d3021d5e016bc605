"""The ledger's four outcomes: applied, skipped, impossible, noted."""

from __future__ import annotations

from dsflow.trace.ledger import LedgerRow, Outcome
from dsflow.trace.trace import Direction
from tests.cases import CLIENT, POD, REMOTE, SERVICE, WEB, sydney


def _rows(origin: str, target: str, family: int, direction: Direction = Direction.FORWARD) -> dict[str, LedgerRow]:
    chain = sydney().trace(origin, target, family=family)
    return {f"{row.device} {row.kind}": row for row in chain.nat_ledger if row.direction is direction}


def test_a_node_accounts_for_all_that_it_could_do() -> None:
    """Three kinds, skipped, each with a reason."""
    rows = _rows(POD, REMOTE, 6)
    for node in ("node/node-1", "node/node-2"):
        for kind in ("service-dnat", "masquerade", "hairpin-masquerade"):
            row = rows[f"{node} {kind}"]
            assert (row.outcome, row.before, row.after) == (Outcome.SKIPPED, None, None)
            assert row.reason
    assert len(rows) == 6


def test_the_internet_gateway_cannot_translate_ipv6() -> None:
    """Impossible is not skipped: the gateway is not able to."""
    ipv4, ipv6 = (_rows(CLIENT, SERVICE, family)["igw/igw public-ip-one-to-one"] for family in (4, 6))
    assert (ipv4.outcome, ipv6.outcome) == (Outcome.APPLIED, Outcome.IMPOSSIBLE)
    assert ipv6.reason == "an Internet gateway passes IPv6 unchanged"
    assert ipv4.after is not None
    assert ipv4.after.dst == "100.0.2.10"


def test_a_proxy_is_noted_and_translates_nothing() -> None:
    """Re-origination and the family kept are told; the balancer's translations are skipped."""
    rows = _rows(CLIENT, SERVICE, 6)
    outcomes = {kind: rows[f"lb/nginx {kind}"].outcome for kind in (
        "load-balancer-dnat", "load-balancer-snat", "proxy-re-origination", "cross-family",
    )}  # fmt: skip
    assert list(outcomes.values()) == [Outcome.SKIPPED, Outcome.SKIPPED, Outcome.NOTED, Outcome.NOTED]


def test_replies_are_accounted_for_too() -> None:
    """The way back through the gateway is a row of its own, by the rule of the session."""
    row = _rows(POD, WEB, 4, Direction.REPLY)["natgw/nat gateway-snat"]
    assert row.outcome is Outcome.APPLIED
    assert row.rule == "natgw/nat"
    assert row.before is not None
    assert row.after is not None
    assert (row.before.dst, row.after.dst) == ("203.0.113.10", "100.0.5.102")


def test_rows_come_in_hop_order() -> None:
    """Trace by trace, hop by hop."""
    chain = sydney().trace(CLIENT, SERVICE, family=4, tcp=80)
    places = [
        (row.connection, row.direction is Direction.REPLY, row.hop) for row in chain.nat_ledger if row.hop is not None
    ]
    assert places == sorted(places)
    assert all(row.to_json()["family"] == "ipv4" for row in chain.nat_ledger)
