"""Chains that differ in how they end, for everything that shows a chain."""

from __future__ import annotations

from dsflow.trace.presented import PresentedChain
from tests.cases import CLIENT, MATE, POD, REMOTE, SERVICE, WEB, gua, sydney

__all__ = ["ANSWERS"]

ANSWERS: dict[str, PresentedChain] = {
    "egress-ipv4": sydney().trace(POD, WEB, family=4, tcp=443),
    "egress-ipv6": gua().trace(POD, WEB, family=6, tcp=443),
    "scope": sydney().trace(POD, WEB, family=6, tcp=443),
    "ingress-ipv4": gua().trace(CLIENT, SERVICE, family=4, tcp=80),
    "ingress-ipv6": gua().trace(CLIENT, SERVICE, family=6, tcp=80),
    "same-node": sydney().trace(POD, MATE, family=6, tcp=80),
    "cross-node": sydney().trace(POD, REMOTE, family=4, tcp=80),
    "error": sydney().trace(POD, REMOTE, family=6, tcp=80, ttl=1),
    "ping-in-pieces": sydney().trace(POD, WEB, family=4, icmp=True, size=1600),
    "udp": sydney().trace(POD, WEB, family=4, udp=53),
    "refused": sydney().trace(POD, REMOTE, family=4, tcp=81),
    "left-model": sydney().trace(POD, "192.0.2.9", family=4, tcp=80),
    "undetermined": sydney().trace(POD, SERVICE, family=4, tcp=80),
    "return-lost": gua().what_if({'route_tables.pods.rules."::/0"': None}).trace(CLIENT, POD, family=6, tcp=80),
}
"""By what is special about each; sampled latency and all, they are made once."""
