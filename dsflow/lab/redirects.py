"""Notes of a better first hop (RFC 792, RFC 4861): where a chain has one, and where the kernel may hold one back.

The kernel limits redirects by receiver, in ways that no setting lifts.  Where such a limit may have been hit, a
redirect that is missing is not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from dsflow.lab.compare import Caught
from dsflow.lab.leftover import is_redirect, is_refusal
from dsflow.net.address import Address, Family
from dsflow.trace.chain import Chain

__all__ = [
    "HELD_BACK",
    "Limits",
    "Redirected",
    "Told",
    "compared",
    "expected_redirects",
    "note_others",
    "seen_redirects",
]

HELD_BACK = "redirects that a limit of the kernel, or their sender's own rules, may have held back"

_NUMBER, _LOAD_S, _SILENCE_S = 9, 0.02, 20.48
"""IPv4 (net/ipv4/route.c): so many that are not minded, the pause before the second, and when all is forgotten.

The pause doubles with each; as errors that nobody sees move its beginning, the longest is waited for.
"""

_BURST, _PER_SECOND = 6.0, 1.0
"""IPv6 (net/ipv4/inetpeer.c), by source and by destination of what was redirected."""

_MARGIN_S = 0.05


class Told(NamedTuple):
    """A device that tells a sender of a better way."""

    device: str
    receiver: bytes

    def __str__(self) -> str:
        return f"{self.device} to {Address.from_packed(self.receiver)}"


class Redirected(NamedTuple):
    """What a device is expected to tell, about packets to ``destination``."""

    told: Told
    destination: bytes
    packets: int


def expected_redirects(chain: Chain) -> Iterator[Redirected]:
    """The redirects that the hops of a chain note."""
    for trace in chain.traces:
        for hop in trace.hops:
            if any(record[0] == "redirect" for record in hop.records):
                raw = hop.packets_in[0]
                src, dst = (raw[12:16], raw[16:20]) if raw[0] >> 4 == 4 else (raw[8:24], raw[24:40])
                yield Redirected(Told(hop.device, src), dst, len(hop.packets_in))


def note_others(chain: Chain, caught: Iterable[Caught], limits: Limits, now: float) -> None:
    """Count what else takes from the same limits: errors that were seen, and IPv6 packets that leave as they came."""
    for packet in caught:
        if packet.direction == "out" and is_refusal(packet.raw) and not is_redirect(packet.raw):
            limits.disturbed(Told(packet.device, _receiver(packet)), now)
    for trace in chain.traces:
        for hop in trace.hops:
            noted = any(record[0] == "redirect" for record in hop.records)
            if hop.in_interface is not None and hop.in_interface == hop.out_interface and not noted:
                ipv6 = [packet for packet in hop.arrived if packet.family is Family.IPV6]
                for first in ipv6[:1]:
                    told = Told(hop.device, Address(first.family, first.dst).packed)
                    limits.turned_back(told, len(ipv6), now)


def seen_redirects(caught: Iterable[Caught]) -> set[Told]:
    """Who told whom, as it left the teller; a fabric's bridge that hands one on tells nobody.

    What a device tells itself leaves and comes by ``lo``.
    """
    redirects = [packet for packet in caught if is_redirect(packet.raw)]
    came = {
        (packet.device, packet.raw) for packet in redirects if packet.direction == "in" and packet.interface != "lo"
    }
    leaving = (packet for packet in redirects if packet.direction == "out" and (packet.device, packet.raw) not in came)
    return {Told(packet.device, _receiver(packet)) for packet in leaving}


def _receiver(packet: Caught) -> bytes:
    return packet.raw[16:20] if packet.raw[0] >> 4 == 4 else packet.raw[24:40]


class Limits:
    """What each device has told each receiver of late, as its kernel remembers it."""

    def __init__(self) -> None:
        self._ipv4: dict[Told, tuple[int, float]] = {}
        self._ipv6: dict[Told, tuple[float, float]] = {}

    def disturbed(self, told: Told, now: float) -> None:
        """Another error was due to the same receiver.

        IPv4 counts both from the same moment.  Of IPv6's bucket nothing is left then: it is filled as far as the
        limit on errors allows, which the lab has lifted by setting it to nothing.
        """
        if told in self._ipv4:
            self._ipv4[told] = self._ipv4[told][0], now
        if len(told.receiver) > 4:
            self._ipv6[told] = 0.0, now

    def turned_back(self, told: Told, packets: int, now: float) -> None:
        """IPv6 packets to ``told.receiver`` left as they came: that counts, whether their sender is told or not."""
        self._ipv6[told] = max(self._left(told, now) - packets, 0.0), now

    def allow(self, redirected: Redirected, now: float) -> bool:
        """Whether the kernel is sure to tell."""
        if len(redirected.destination) == 4:
            number, last = self._ipv4.get(redirected.told, (0, 0.0))
            waited = now - last
            if number == 0 or waited > _SILENCE_S + _MARGIN_S:
                return True
            return number < _NUMBER and waited > _LOAD_S * 2**_NUMBER + _MARGIN_S
        taken = Counter(_buckets(redirected))  # one bucket twice, where the sender is the destination
        return all(self._left(bucket, now) >= redirected.packets * times + _MARGIN_S for bucket, times in taken.items())

    def sent(self, redirected: Redirected, now: float) -> None:
        """A redirect was due, and sent for all that is known."""
        if len(redirected.destination) == 4:
            number, last = self._ipv4.get(redirected.told, (0, 0.0))
            fresh = now - last > _SILENCE_S
            self._ipv4[redirected.told] = (1 if fresh else number + 1), now
            return
        for bucket in _buckets(redirected):
            self.turned_back(bucket, redirected.packets, now)

    def _left(self, bucket: Told, now: float) -> float:
        left, then = self._ipv6.get(bucket, (_BURST, now))
        return min(_BURST, left + (now - then) * _PER_SECOND)


def _buckets(redirected: Redirected) -> tuple[Told, Told]:
    device = redirected.told.device
    return redirected.told, Told(device, redirected.destination)


def compared(
    expected: Sequence[Redirected],
    seen: set[Told],
    limits: Limits,
    sure: Callable[[Told], bool],
    now: float,
    *,
    strict: bool = True,
) -> tuple[int, int, list[str]]:
    """How many redirects agree, how many may have been held back, and what differs, in words.

    ``sure`` says whether nothing but a limit keeps a redirect from leaving, ``strict`` whether no other may be seen.
    """
    agreeing, held, differing = 0, 0, []
    for redirected in dict.fromkeys(expected):
        if redirected.told in seen:
            agreeing += 1
        elif not sure(redirected.told) or not limits.allow(redirected, now):
            held += 1
        else:
            differing.append(f"redirect: {redirected.told} expected, none seen")
        limits.sent(redirected, now)
    wanted = {redirected.told for redirected in expected}
    others = sorted(seen - wanted) if strict else []
    differing += [f"redirect: none expected, {told} seen" for told in others]
    return agreeing, held, differing
