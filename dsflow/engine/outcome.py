"""What a stage answers, beside the actions that stand in the tables, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Deliver, Drop, Forward, Reoriginate, Rule
from dsflow.dataplane.match import State
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.engine.choosing import BY_HASH, Chooser
from dsflow.engine.conntrack import Attached, Memory, Session
from dsflow.net.packet import Packet
from dsflow.net.wire import MalformedPacket

__all__ = ["LOOPBACK", "At", "Outcome", "PassedOver", "Remember", "Rewrite", "Stage", "Tracked"]


LOOPBACK = "lo"
"""The interface by which a device's packets to itself leave and come."""


class At:
    """Where a packet is: what a stage may read besides the packet.  Only the driver writes it.

    Of the whole walk: ``chooser`` says which way is taken where there are several, ``lenient`` that policies are
    ignored; ``flaw`` is what is wrong with
    the packet behind its IP header; at the origin, ``path_mtu`` is what the sender knows of its way and
    ``attached`` the session that an ICMP error or a reset is about, and ``raw`` says that the packet comes from a
    raw socket; None and False on every later hop.

    Of the visit: ``refused`` are the packets that went no further, each with its refusal and the size in bytes
    that would have passed; ``arrived`` is the packet as it came in, ``packet`` as it is now, ``largest`` the size
    of the largest fragment that it was put together from, 0 for a packet that came whole.  ``route`` is set
    once the way on is known, ``dnat`` and ``snat`` once a translation was chosen, ``translated`` once any was
    made, ``mark`` what kind of source translation a row wants; ``state``, ``session`` and ``reverse`` are what
    connection tracking found.  ``memory`` is what the device remembers.
    """

    __slots__ = (
        "arrived",
        "attached",
        "chooser",
        "dnat",
        "flaw",
        "in_interface",
        "largest",
        "lenient",
        "mark",
        "memory",
        "packet",
        "path_mtu",
        "raw",
        "refused",
        "reverse",
        "route",
        "session",
        "snat",
        "state",
        "translated",
    )

    def __init__(
        self,
        path_mtu: int | None = None,
        flaw: MalformedPacket | None = None,
        attached: Attached | None = None,
        *,
        raw: bool = False,
        chooser: Chooser = BY_HASH,
        lenient: bool = False,
    ) -> None:
        self.chooser = chooser
        self.lenient = lenient
        self.path_mtu = path_mtu
        self.flaw = flaw
        self.attached = attached
        self.raw = raw
        self.refused: list[tuple[Drop, Packet, int]] = []
        self.state: State | None = None

    def enter(self, memory: Memory, in_interface: str | None, arrived: Packet, largest: int = 0) -> None:
        """Begin a visit."""
        self.memory = memory
        self.in_interface = in_interface
        self.arrived = self.packet = arrived
        self.largest = largest
        self.route: Forward | None = None
        self.dnat: NatRow | None = None
        self.snat: NatRow | None = None
        self.translated = False
        self.mark: NatKind | None = None
        self.state = None
        self.session: Session | None = None
        self.reverse = False


class Rewrite(NamedTuple):
    """Go on with another packet, by a row of the table; ``dnat`` and ``snat`` where the row opens a session.

    ``mark`` is the kind of source translation that the row wants for it.
    """

    packet: Packet
    rule: Rule
    kind: NatKind
    dnat: NatRow | None = None
    snat: NatRow | None = None
    mark: NatKind | None = None


class PassedOver(NamedTuple):
    """Go on past the refusals of a filter, as policies are ignored, to what it says after them."""

    refusals: tuple[Drop, ...]
    then: Continue | Drop | None


class Tracked(NamedTuple):
    """What connection tracking found; ``reverse`` for packets that travel against the session's first.

    ``ends`` where the packet is the last of its session.
    """

    state: State
    session: Session | None = None
    reverse: bool = False
    remark: Continue | None = None
    ends: bool = False


class Remember(NamedTuple):
    """Go on, and remember a session."""

    session: Session


Outcome = Continue | Forward | Deliver | Drop | Reoriginate | Rewrite | Packet | Tracked | Remember | PassedOver | None
"""A Packet: go on with it, by the table's usual rule.  None: nothing to say, go on."""

Stage = Callable[[Packet, At], Outcome]
"""A configured table: decides and explains, never edits, prints or records."""
