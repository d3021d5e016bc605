"""What a table can tell a device to do with a packet, and the rule that says why.

Actions are data, made once by the compiler.  An executor returns them as they stand, so that a
decision costs a look-up and the words are made only when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from dsflow.dataplane.disposition import Disposition
from dsflow.model.assumptions import ASSUMPTIONS

__all__ = [
    "Action",
    "Continue",
    "Delay",
    "Deliver",
    "Drop",
    "Evidence",
    "Forward",
    "IcmpError",
    "Link",
    "Neighbor",
    "Reoriginate",
    "Rule",
    "Spread",
    "ToOwner",
]


class Evidence(StrEnum):
    """What a rule's claim about the real network rests on: the vendor's pages, or an RFC; the code that does it;
    a measurement; an inference; others' reports; nothing but an assumption.
    """

    DOCUMENTED = "documented"
    SOURCE_CODE = "source-code"
    MEASURED = "measured"
    INFERRED = "inferred"
    THIRD_PARTY = "third-party"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Why a table decides as it does.

    ``reason`` and ``mend`` are :meth:`str.format` templates over the packet's header fields
    (``{src}``, ``{dst}``, ``{asked}``, ``{ttl}``, ``{length}`` ...), so that they cost nothing until read.
    A rule without an ``id`` is implicit: nobody wrote it.  A rule that rests on a named assumption has the
    assumption's evidence; those that it rests on beside it are ``further``.
    ``mend`` is the smallest change that would turn a refusal into a success, where that is plain.
    """

    id: str | None = None
    reason: str
    source: str | None = None
    explicit: bool = True
    evidence: Evidence = Evidence.DOCUMENTED
    assumption: str | None = None
    further: tuple[str, ...] = ()
    mend: str | None = None

    def __post_init__(self) -> None:
        if self.assumption is not None:  # the registry tells what a named assumption rests on
            object.__setattr__(self, "evidence", Evidence(ASSUMPTIONS[self.assumption].evidence))
        if self.id is None and self.explicit:  # a rule without a name is nobody's: it is implicit
            object.__setattr__(self, "explicit", False)


class IcmpError(StrEnum):
    """The ICMP errors that a refusal can send back (RFC 792, RFC 4443); the executor knows the numbers."""

    HOP_LIMIT_EXCEEDED = "hop-limit-exceeded"
    TOO_BIG = "too-big"
    PORT_UNREACHABLE = "port-unreachable"
    PROTOCOL_UNREACHABLE = "protocol-unreachable"
    NO_ROUTE = "no-route"
    UNREACHABLE_ROUTE = "unreachable-route"
    PROHIBITED = "prohibited"
    HOST_UNREACHABLE = "host-unreachable"
    BEYOND_SCOPE = "beyond-scope"


@dataclass(frozen=True, slots=True)
class Delay:
    """One traversal to be paid for: an entry of the latency profile, and for a long leg its length."""

    entry: str
    km: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What lies between two interfaces: its MTU, and the delay of crossing it in either direction."""

    id: str
    mtu_bytes: int
    delays: tuple[Delay, ...] = ()
    availability_domain: str | None = None


@dataclass(frozen=True, slots=True)
class Neighbor:
    """The other end of an interface: ``device`` is None where the model ends."""

    out_interface: str
    device: str | None
    in_interface: str | None
    link: Link


@dataclass(frozen=True, slots=True, eq=False)
class Continue:
    """Go on with the next table."""

    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Send the packet to ``neighbor``; ``lowers`` says whether this passage is a routed hop.

    ``route_mtu_bytes`` is the route's own limit, ``source`` the address that the route wants packets made
    here to bear, ``next_hop`` the router's address, None where the destination itself is on the link.
    ``unresolved`` is set where nobody on the link answers for that address: found out last of all.
    """

    disposition: ClassVar = Disposition.LEFT_MODEL  # where nobody takes the packet on

    rule: Rule
    neighbor: Neighbor
    lowers: bool = True
    route_mtu_bytes: int | None = None
    source: int | None = None
    next_hop: int | None = None
    unresolved: Drop | None = None

    @property
    def mtu_bytes(self) -> int:
        """The longest packet that may leave this way."""
        return self.neighbor.link.mtu_bytes if self.route_mtu_bytes is None else self.route_mtu_bytes


@dataclass(frozen=True, slots=True, eq=False)
class ToOwner:
    """Forward to whichever attached machine owns the destination address.

    ``owners`` are the machines of the prefix's family by address; ``ownerless`` is what becomes of a packet
    that none of them owns.
    """

    rule: Rule
    owners: Mapping[int, Neighbor]
    ownerless: Drop | Forward
    lowers: bool = True
    route_mtu_bytes: int | None = None
    source: int | None = None

    @property
    def out_interface(self) -> str | None:
        """The one interface behind which all owners are, where there is one."""
        return self.ownerless.neighbor.out_interface if isinstance(self.ownerless, Forward) else None


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Forward one of several ways, each as often as another: the packets of a flow always the same one.

    With ``symmetric`` those of both its directions.  ``salt`` makes places choose apart from each other.
    """

    rule: Rule
    ways: tuple[Forward | Drop, ...]
    salt: int
    symmetric: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Deliver:
    """The packet is for this device; ``answers`` says whether it is one to be answered."""

    disposition: ClassVar = Disposition.DELIVERED

    rule: Rule
    answers: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Drop:
    """Refuse the packet; ``error`` is the ICMP error that the sender gets, ``resets`` whether TCP gets a reset."""

    rule: Rule
    disposition: Disposition
    error: IcmpError | None = None
    resets: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Reoriginate:
    """End this connection here and dial ``dst``:``dport`` from ``src`` in a new one (a proxy)."""

    disposition: ClassVar = Disposition.RE_ORIGINATED

    rule: Rule
    family: int
    src: int
    dst: int
    dport: int


Action = Continue | Forward | ToOwner | Spread | Deliver | Drop | Reoriginate
