"""What the Linux kernel does, fact by fact, and the mark by which a test says which of them it shows.

A key begins with the line of the list of kernel facts that it belongs to: a number, a row of the table of
unreachables, or the name of a paragraph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["FACTS", "LINES", "cited", "shows"]

LINES = (
    "order",
    *map(str, range(1, 5)),
    *(f"unreachable-{row}" for row in ("none", "unreachable", "prohibit", "blackhole", "neighbour", "closed-port")),
    *map(str, range(5, 8)),
    "error-source",
    *map(str, range(8, 24)),
    "source-selection",
    "redirects",
    "capturing",
)
"""The lines of the list, in its order."""

FACTS = {
    "order": "a forwarding hop translates the destination, routes, checks hop limit and size, lowers, filters, "
    "translates the source, and divides, in this order",
    "1-route-before-hop-limit": "a packet that is on its last hop and has no route is told of the route",
    "1-hop-limit-before-mtu": "a packet that is on its last hop and too large is told of the hop limit",
    "1-mtu-before-filter": "a packet too large is told so although a filter would have dropped it",
    "1-divisible-meets-filter": "a large IPv4 packet that may be divided is dropped by the filter in silence",
    "1-hop-limit-before-filter": "a packet on its last hop is told so although a filter would have refused it",
    "2-as-received": "errors of hop limit, route and size quote the hop limit that came in",
    "2-decremented": "rejects in forward and failed neighbours quote the hop limit already lowered",
    "3-no-check-for-own": "what is for the router itself is taken with any hop limit, on any interface",
    "3-sender-keeps": "who makes a packet does not lower its hop limit",
    "3-pods-of-one-node": "a pod hears its node's other pod with 63, and the outer interface sees nothing of it",
    "3-routed-cluster": "pods in two subnets hear each other with 61",
    "4-ipv4-quote": "an ICMP error fills 576 bytes with its quote",
    "4-ipv6-quote": "an ICMPv6 error fills 1280 bytes with its quote",
    "unreachable-none": "no route, or one of type throw: 3/0 or 1/0; the local sender has no network",
    "unreachable-unreachable": "an unreachable route: 3/1 or 1/0; the local sender has no host",
    "unreachable-prohibit": "a prohibit route: 3/13 or 1/1; the local sender is denied",
    "unreachable-blackhole": "a blackhole: silence; the local sender gave an invalid argument",
    "unreachable-neighbour": "a neighbour that does not answer: 3/1 or 1/3; the local sender tells itself",
    "unreachable-closed-port": "a closed UDP port: 3/3 or 1/4",
    "5-longest-then-metric": "the longest prefix decides, and within a prefix the lower metric",
    "5-special-is-ordinary": "a route that refuses takes part in the longest match as any other",
    "6-host-does-not-route": "a host drops what is not its own in silence; in IPv6 only where a route would do",
    "6-reject": "reject says port unreachable, about TCP too",
    "6-tcp-reset": "a TCP reset of a filter speaks for the destination",
    "6-no-reset-for-reset": "a reset is never reset",
    "6-output-drop": "a filter on output fails the local sender's call",
    "7-burst": "where errors are limited, one receiver gets six in a burst",
    "7-route-errors": "errors about IPv4 routes have a limit of their own, five in a burst, in the bucket of the other",
    "7-lifted": "without the limit every packet is told of, and the lab lifts it by the mask, not by the rate",
    "error-source-ipv4": "an ICMP error comes from the address toward the sender",
    "error-source-ipv6": "an ICMPv6 error comes from the interface that the packet came in by",
    "error-source-no-address": "where that interface has no address, from another interface's",
    "error-source-closed-port": "a closed port is told of by the address that was probed",
    "8-multiples": "fragments carry multiples of eight bytes",
    "8-again": "each router divides fragments further",
    "8-kept": "fragments keep identification, and a router keeps their DF",
    "8-each-by-itself": "of fragments each is refused by itself, and the others go on",
    "8-ipv6-never": "no router divides IPv6",
    "8-own-link": "sending a raw packet fails only above the sender's own link",
    "9-route-mtu": "the MTU of a route holds for what is forwarded, for IPv6 after the filter",
    "9-unequal-ends": "a veth loses what is more than four bytes above its receiver's MTU",
    "9-below-1280": "an interface below 1280 bytes has no IPv6, so there is no route",
    "10-first-lost": "the first datagram above an unknown path MTU is lost, the next divided at its source",
    "10-socket-df": "a UDP socket sets DF where the datagram fits",
    "10-echo-reply": "an echo reply has no DF, whatever the request had",
    "10-syn-ack": "a SYN-ACK has identification 0 and DF",
    "11-reassembles": "a box that tracks connections checks and translates the whole datagram",
    "11-largest": "it sends no fragment larger than the largest that it got",
    "11-waits": "fragments wait for each other until all are there; an overlap loses all of them",
    "11-own-fragments": "filters and the link's size come before what a sender puts together of its own",
    "12-kept": "a translated source keeps its port while the answers can be told apart",
    "12-class": "else it gets another port of its class",
    "12-echo": "the identifier of an echo is treated as a port",
    "12-own-flows": "the translator's own connections collide with those it translates",
    "13-sticky": "a source that was given another port keeps it toward other destinations",
    "14-other-peer": "a translated port is open to its own peer only; to others the translator answers itself",
    "15-leak": "packets that connection tracking cannot place go out with their private source",
    "15-bare-ack": "a bare acknowledgement is taken up and translated",
    "15-no-checksum": "a datagram without checksum is translated and stays without; IPv6 receivers drop it",
    "16-back": "ICMP errors are translated back with what they quote, their checksums right",
    "16-own-source": "behind source translation a router on the way speaks in its own name",
    "16-virtual": "behind destination translation every error comes from the address that was asked",
    "17-hairpin": "without source translation a server on the client's link answers past the translator",
    "17-own-back": "a packet that comes back to its own sender: IPv4 drops it, IPv6 takes it",
    "18-not-own": "prerouting does not see what the box itself sends",
    "19-other-way": "answers that leave by another router are not translated, and the client resets",
    "19-with-snat": "with source translation too the answer comes back by the translator",
    "19-proxy": "a proxy starts a packet of its own, once it has completed the client's handshake",
    "20-cluster": "translation of destination and source loses the client's address, for a local end too",
    "20-local": "translation of the destination alone keeps it, and without a local end there is silence",
    "21-ports-only": "a virtual address exists for its protocol and port: all else is routed",
    "21-nobody": "a service without ends refuses as a closed port does",
    "21-hairpin": "an end that reaches itself by the service sees the node",
    "21-sticks": "the second packet of a flow goes where the first went",
    "22-strict": "strict filtering drops what came in by another interface than answers would leave by",
    "22-loose": "loose filtering drops only what no answer could reach",
    "22-ipv4-only": "IPv6 has no such filter",
    "22-own-source": "a router's own address as a source: IPv4 drops it always, IPv6 forwards it",
    "23-martians": "loopback, unspecified and multicast sources are dropped in silence",
    "23-class-e": "240.0.0.0/4 is forwarded like anything else",
    "23-network-address": "the lowest address of a prefix is a host that does not answer",
    "23-broadcast": "the highest is a broadcast, which is silent",
    "23-anycast": "in IPv6 the lowest is the routers' own, where a closed port answers",
    "23-link-local": "a link-local source is not forwarded",
    "source-selection-ipv6": "IPv6 prefers a source of the destination's kind, then of the longest common prefix",
    "source-selection-route": "a route's own source comes before all",
    "source-selection-ipv4": "IPv4 takes the first address of the interface that the packet leaves by",
    "redirects-on-link-source": "IPv4 redirects only a source that is on-link: a node, not its pod",
    "redirects-ipv6": "IPv6 redirects to destinations on-link, never to a global next hop",
    "redirects-no-switch": "IPv6 does so for translated packets too, for which IPv4 does not",
    "capturing-in-out": "what comes in is seen before translation, what goes out after translation and division",
    "capturing-not-known": "identifications that a kernel chooses and ports that it draws are not compared",
    "capturing-quiet": "the lab uses no duplicate address detection and fixed neighbours, and keeps discovery out",
}
"""Each fact in a few words."""

Test = TypeVar("Test", bound=Callable[..., Any])


def shows(*keys: str) -> Callable[[Test], Test]:
    """Say which facts a test shows.

    >>> @shows("5-longest-then-metric")
    ... def test_nothing() -> None:
    ...     pass
    >>> cited(test_nothing)
    ('5-longest-then-metric',)
    """

    def marked(test: Test) -> Test:
        test.shows = keys  # type: ignore[attr-defined]  # functions carry any attribute
        return test

    return marked


def cited(test: object) -> tuple[str, ...]:
    """The facts that a test says it shows."""
    found: tuple[str, ...] = getattr(test, "shows", ())
    return found
