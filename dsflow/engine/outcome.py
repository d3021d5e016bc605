"""What a stage answers, beside the actions that stand in the tables, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Deliver, Drop, Forward, Reoriginate, Rule
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.engine.conntrack import Memory, Session
from dsflow.net.packet import Packet

__all__ = ["At", "Outcome", "Rewrite", "Stage", "Track"]


class At:
    """Where a packet is: what a stage may read besides the packet.  Only the driver writes it.

    ``arrived`` is the packet as it came in, ``packet`` as it is now.  ``route`` is set once the way on is
    known, ``dnat`` once a destination translation was chosen, ``translated`` once any was made.
    ``memory`` is what the device remembers.  ``path_mtu`` is what the sender of a packet knows of its way,
    None where it knows nothing and on every later hop.
    """

    __slots__ = ("arrived", "dnat", "in_interface", "memory", "packet", "path_mtu", "route", "translated")

    path_mtu: int | None

    def enter(self, memory: Memory, in_interface: str | None, arrived: Packet) -> None:
        """Begin a visit."""
        self.memory = memory
        self.in_interface = in_interface
        self.arrived = self.packet = arrived
        self.route: Forward | None = None
        self.dnat: NatRow | None = None
        self.translated = False


class Rewrite(NamedTuple):
    """Go on with another packet, by a row of the table; ``session`` where that opens one."""

    packet: Packet
    rule: Rule
    kind: NatKind
    row: NatRow | None = None
    session: Session | None = None


class Track(NamedTuple):
    """Go on, and remember a session that translates nothing."""

    session: Session


Outcome = Continue | Forward | Deliver | Drop | Reoriginate | Rewrite | Packet | Track | None
"""A Packet: go on with it, by the table's usual rule.  None: nothing to say, go on."""

Stage = Callable[[Packet, At], Outcome]
"""A configured table: decides and explains, never edits, prints or records."""
