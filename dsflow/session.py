"""Questions in a row: the packets they send, and the sessions that persist from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsflow.dataplane.action import Drop, Neighbor
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.selection import onto_wire, source_address
from dsflow.ends import End, Ends
from dsflow.ends.lacking import SERVICE_UNKNOWN, lacks
from dsflow.engine.conntrack import Memories
from dsflow.engine.conversation import converse
from dsflow.engine.program import Network
from dsflow.errors import NotModelledError, UsageError
from dsflow.model.question import Flow
from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet
from dsflow.net.options import unmodelled_option
from dsflow.net.packet import Packet, UnmodelledPacket, UnreadablePacket, read_header, rewritten
from dsflow.net.wire import ICMP, upper_flaw
from dsflow.trace.chain import Context, Question
from dsflow.trace.hop import Hop
from dsflow.trace.presented import PresentedChain
from dsflow.trace.step import Effect
from dsflow.trace.timing import Leg
from dsflow.trace.trace import Direction, Trace

__all__ = ["Session"]


class Session:
    """Questions in a row: connection tracking, NAT ports and learned path MTUs persist from one to the next.

    >>> import dsflow
    >>> with dsflow.load("oke-sydney").session() as session:
    ...     one = session.trace("pod/default/nginx-568f7cfd68-g4h2c", "internet/web", family=4, tcp=443)
    ...     two = session.trace("pod/default/nginx-568f7cfd68-pvgct", "internet/web", family=4, tcp=443)
    >>> one.nat_applied[0].after.sport != two.nat_applied[0].after.sport
    True
    """

    def __init__(
        self, network: Network, ends: Ends, context: Callable[[str | None], Context], state: Memories | None = None
    ) -> None:
        self._network = network
        self._ends = ends
        self._context = context
        self._state = Memories() if state is None else state

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._state = Memories()

    def trace(
        self,
        origin: str,
        target: str,
        *,
        family: int,
        tcp: int | None = None,
        udp: int | None = None,
        icmp: bool = False,
        sport: int | None = None,
        size: int | None = None,
        ttl: int = 64,
        df: bool | None = None,
        source: str | None = None,
        ignore_policy: bool = False,
    ) -> PresentedChain:
        """The answer to one question.

        Parameters
        ----------
        origin, target
            Ids such as ``pod/default/web`` or ``internet/client``; the target may be a Service or an address.
        family
            4 or 6.
        tcp, udp, icmp
            The destination port, or an ICMP echo; at most one.  Without any: the target's first open
            port, else an echo.
        sport
            The source port (40000), or the identifier of an echo (1).
        size
            The whole packet in bytes.
        ttl
            The first TTL or hop limit.
        df
            IPv4's *don't fragment* (set on TCP only, unless given).
        source
            Another source address than the origin's own.
        ignore_policy
            Whether filters, NetworkPolicies and security rules let everything pass; the chain's ``blockers`` are
            then all of them that would not have.

        Raises
        ------
        UsageError
            For unknown names, impossible numbers, and an address of the other family.
        """
        ends = self._ends
        start, end = ends.origin(origin), ends.target(target)
        protocol, dport = _protocol(end, tcp, udp, icmp)
        from_port = None if protocol == "icmp" else 40000 if sport is None else sport
        question = Question(origin, target, _FAMILIES.get(family) or _family(family), protocol, from_port, dport)
        self._state.lenient = ignore_policy
        return self._answer(question, start, end, sport, ttl, size, df, source)

    def ask(self, flow: Flow) -> PresentedChain:
        """The answer to a flow of the scenario."""
        return self.trace(
            flow.origin,
            flow.target,
            family=flow.family,
            tcp=flow.dport if flow.protocol == "tcp" else None,
            udp=flow.dport if flow.protocol == "udp" else None,
            icmp=flow.protocol == "icmp",
            sport=flow.sport,
            size=flow.size_bytes,
            ttl=flow.ttl,
            df=flow.dont_fragment,
            source=flow.source_address,
        )

    def send(self, device: str, packet: Any, *, interface: str | None = None) -> PresentedChain:
        """What becomes of any packet, scapy's or bytes from the IP header on, that a device sends.

        A scapy packet without a source gets the device's address.  With ``interface`` the packet goes straight
        onto that wire, past the device's own routing and filters, to whoever answers there for the destination,
        else to the other end, of several the first that routes; so even bytes that are no packet can be sent.

        Raises
        ------
        UsageError
            For an unknown device or interface.
        NotModelledError
            For protocols and destinations that no device here knows what to do with.
        """
        start = self._ends.sender(device)
        assert start.device is not None
        self._state.lenient = False
        first = self._as_packet(packet, start)
        wire = None if interface is None else self._wire(start.device, interface, first)
        header = read_header(first)
        if isinstance(first, UnreadablePacket):
            end = End(id=header.dst, kind="address")
        elif not isinstance(header.protocol, str) and start.kind != "device":
            raise NotModelledError(f"protocol {header.protocol}: expected TCP, UDP or ICMP")
        else:
            end = self._ends.destination(header.dst, start)
            _refuse_unmodelled(first)
            apart = _TRACKED_APART.get((first.family, first.protocol)) or _TRACKED_APART.get((0, first.protocol))
            if apart is not None and self._ends.tracks_connections:
                raise NotModelledError(f"{apart} where connections are tracked is not modelled")
        name = "icmp" if header.protocol == "icmpv6" else str(header.protocol)
        question = Question(start.id, header.dst, Family(first.family), name, header.sport, header.dport)
        return self._play(question, start, end, first, wire=wire, raw=True)

    def _wire(self, device_id: str, interface: str, packet: Packet) -> Neighbor:
        """The way onto the wire behind an interface."""
        device = self._network.dataplane[device_id]
        if interface not in device.interfaces:
            raise UsageError(f'"{interface}": no interface of {device_id}, which has {", ".join(device.interfaces)}')
        wire = onto_wire(device, interface, packet.family, packet.dst)
        if wire is None:
            raise UsageError(f'"{interface}": nobody is on the link of that interface of {device_id}')
        return wire

    def _answer(
        self,
        question: Question,
        start: End,
        end: End,
        sport: int | None,
        ttl: int,
        size: int | None,
        df: bool | None,
        source: str | None,
    ) -> PresentedChain:
        family = question.family
        if end.kind == "service" and start.is_in_cluster and not self._ends.knows_services:
            return self._unanswered(question, start, end, SERVICE_UNKNOWN)
        service = end.service if end.service is not None and end.service.headless else None
        answers: tuple[Address, ...] = ()
        if service is not None and start.is_in_cluster:
            answers = self._ends.names.answers(service, family)
            if not answers:
                return self._unanswered(question, start, end, self._ends.names.nothing(service, family))
        dst = answers[0] if answers else end.address_for(start, family)
        src = self._source(start, family, dst) if source is None else _of_family(source, family)
        if sport is not None:
            _port("source", sport)
        if not 1 <= ttl <= 255:
            raise UsageError(f"ttl {ttl}: expected 1-255")
        if src is None or dst is None:
            lacking = start if src is None else end
            if _looks_literal(lacking):
                raise UsageError(f'"{lacking.id}": not an address of {family.title}, the family asked for')
            return self._unanswered(question, start, end, lacks(lacking, start, family, self._ends.refusal(lacking)))
        try:
            packet = first_packet(
                family,
                question.protocol,
                src.value,
                dst.value,
                sport=sport,
                dport=question.dport,
                ttl=ttl,
                size_bytes=size,
                dont_fragment=df,
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
        if not answers or service is None:
            return self._play(question, start, end, packet)
        chosen = answers[self._state.chooser.choose(len(answers), packet, self._network.seed)]
        chain = self._play(question, start, end, rewritten(packet, dst=chosen.value))
        chain.traces[0].hops[0].precede(self._ends.names.told(service, chosen, len(answers)))
        return chain

    def _source(self, start: End, family: Family, dst: Address | None) -> Address | None:
        """The source that the sender chooses: by the route where it has several addresses."""
        assert start.device is not None
        chosen = None if dst is None else source_address(self._network.dataplane[start.device], family, dst.value)
        return start.address(family, from_outside=False) if chosen is None else Address(family, chosen)

    def _as_packet(self, packet: Any, start: End) -> Packet:
        """The packet that the bytes are; where scapy's leaves the source open, it is the one the sender chooses."""
        try:
            if isinstance(packet, bytes | bytearray):
                return Packet.read(bytes(packet))
            if not hasattr(packet, "iterpayloads"):
                raise UsageError(f"{type(packet).__name__}: expected a scapy packet or its bytes")
            from dsflow.net.packets import destination_of, from_scapy

            dst = destination_of(packet)
            src = None if dst is None else self._source(start, dst.family, dst)
            return Packet.read(from_scapy(packet, src=None if src is None else str(src)))
        except UnmodelledPacket as error:
            raise NotModelledError(str(error)) from None

    def _play(
        self,
        question: Question,
        start: End,
        end: End,
        packet: Packet,
        *,
        wire: Neighbor | None = None,
        raw: bool = False,
    ) -> PresentedChain:
        assert start.device is not None
        flaw = upper_flaw(packet.raw) if raw and not isinstance(packet, UnreadablePacket) else None
        traces = converse(self._network, self._state, start.device, packet, flaw=flaw, wire=wire, raw=raw)
        return PresentedChain(self._context(start.vcn), question, self._ends.path_type(start, end), traces)

    def _unanswered(self, question: Question, start: End, end: End, drop: Drop) -> PresentedChain:
        """A chain of one hop: no packet is made, and the hop says why."""
        assert start.device is not None
        known = drop.disposition is not Disposition.UNDETERMINED
        record = ("question", Effect.DROP if known else Effect.UNKNOWN, drop.rule, None, None, None, 0)
        hop = Hop(Leg(), self._network.dataplane[start.device], None, None, (), (), (record,))
        trace = Trace(1, Direction.FORWARD, question.family, drop.disposition, None, [hop], drop.rule)
        timeless = self._context(start.vcn)._replace(estimator=None)  # nothing moved, so nothing took time
        return PresentedChain(timeless, question, self._ends.path_type(start, end), [trace])


_TIMESTAMP = (Family.IPV4, ICMP, 13)
"""The one ICMP request beside the echo that Linux answers (RFC 792)."""


_TRACKED_APART = {
    (0, 33): "DCCP",
    (0, 132): "SCTP",
    (0, 136): "UDP-Lite",
    (Family.IPV6, 51): "the header of IPsec (AH)",
}
"""What connection tracking judges by rules of its own (nf_conntrack_proto_*.c): family, 0 for both, and protocol."""


def _refuse_unmodelled(packet: Packet) -> None:
    option = unmodelled_option(packet.raw)
    if option is not None:
        raise NotModelledError(f"{option} is not modelled")
    if (packet.family, packet.protocol, packet.icmp_type) == _TIMESTAMP:
        raise NotModelledError("an ICMP timestamp request: its answer tells the time, which is not modelled")


def _looks_literal(end: End) -> bool:
    return "/" not in end.id


_FAMILIES: dict[int, Family] = {int(family): family for family in Family}


def _family(number: int) -> Family:
    try:
        return Family(number)
    except ValueError:
        raise UsageError(f"family {number!r}: expected 4 or 6") from None


def _of_family(text: str, family: Family) -> Address:
    try:
        address = Address.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if address.family is not family:
        raise UsageError(f'"{text}": not an address of {family.title}, the family asked for')
    return address


def _protocol(end: End, tcp: int | None, udp: int | None, icmp: bool) -> tuple[str, int | None]:
    """The protocol and destination port asked for, else the target's first open port, else an echo."""
    if (tcp is not None) + (udp is not None) + icmp > 1:
        raise UsageError("tcp, udp and icmp: expected at most one of them")
    if icmp:
        return "icmp", None
    if tcp is not None:
        return "tcp", _port("tcp", tcp)
    if udp is not None:
        return "udp", _port("udp", udp)
    return (end.listen[0].protocol, end.listen[0].port) if end.listen else ("icmp", None)


def _port(name: str, port: int) -> int:
    if not isinstance(port, int) or not 0 < port <= 65535:
        raise UsageError(f"{name} port {port!r}: expected a whole number, 1-65535")
    return port
