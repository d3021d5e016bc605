"""A route that one family has at a device and the other lacks."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Forward, Rule, ToOwner
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import RouteLookup, Routes
from dsflow.net.address import Family, Prefix
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop

__all__ = ["missing_route"]


def missing_route(lost: Chain, other: Chain) -> str | None:
    """What a family that found no route lacks beside the other one, which passed the same device; None otherwise.

    >>> import dsflow
    >>> sim = dsflow.load("oke-sydney-gua").what_if({'route_tables.pods.rules."::/0"': None})
    >>> ask = lambda family: sim.trace("pod/default/nginx-568f7cfd68-g4h2c", "internet/web", family=family, tcp=443)
    >>> missing_route(ask(6), ask(4))
    'subnet/pods has 0.0.0.0/0 to natgw/nat but no ::/0'
    """
    trace = lost.failed
    if trace is None or trace.disposition is not Disposition.NO_ROUTE:
        return None
    beside = (one for one in other.traces if (one.connection, one.direction) == (trace.connection, trace.direction))
    passed = (hop for one in beside for hop in one.hops if hop.device == trace.ended_at.device)
    hop = next((hop for hop in passed if hop.neighbor is not None), None)
    prefix = None if hop is None else _matched(hop)
    if hop is None or hop.neighbor is None or prefix is None:
        return None
    to = hop.neighbor.device or hop.neighbor.out_interface
    return f"{_holder(hop)} has {prefix} to {to} but no {_counterpart(prefix, trace.family)}"


def _holder(hop: Hop) -> str:
    """Whose table decided: a fabric has one for each subnet, which its load balancers share, a machine its own."""
    for table in hop.at.receive if hop.kind == "vcn" else ():
        if isinstance(table, RouteLookup):
            used = table.tables.get(hop.in_interface)
            names = (name for name, routes in table.tables.items() if routes is used and name is not None)
            return next((name for name in names if name.startswith("subnet/")), hop.device)
    return hop.device


def _counterpart(prefix: Prefix, family: Family) -> str:
    default = "0.0.0.0/0" if family is Family.IPV4 else "::/0"
    return default if prefix.length == 0 else f"{family.title} route for the same"


def _matched(hop: Hop) -> Prefix | None:
    """The prefix of the route that sent a packet on: the longest around its destination with the rule that decided."""
    for stage, _, rule, before, _, _, _ in reversed(hop.records):
        if stage == "route" and before is not None:
            found = [prefix for prefix in _prefixes(hop, rule, before.family) if _holds(prefix, before.dst)]
            return max(found, key=lambda prefix: prefix.length, default=None)
    return None


def _holds(prefix: Prefix, value: int) -> bool:
    return prefix.first <= value <= prefix.last


def _prefixes(hop: Hop, rule: Rule, family: Family) -> Iterator[Prefix]:
    """The prefixes that a rule of the device leads on for."""
    for routes in _tables(hop):
        for prefix, action in (routes.ipv4 if family is Family.IPV4 else routes.ipv6).items():
            if isinstance(action, Forward | ToOwner) and action.rule is rule:
                yield prefix


def _tables(hop: Hop) -> Iterator[Routes]:
    stages = hop.at.receive if hop.in_interface is not None else (*hop.at.send, *hop.at.translate)
    for table in stages:
        if isinstance(table, RouteLookup):
            yield from table.tables.values()
            yield from (routes for routes in (table.answers, table.marked) if routes is not None)
