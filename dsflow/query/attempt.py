"""What a client sees of its attempt to reach somebody in one family: accepted, refused, or nothing at all.

A connection stands when its handshake is done (RFC 9293 section 3.5), and a proxy completes it before it dials: what
happens behind the proxy is no part of the attempt.  A reset ends an attempt at once, and so does an ICMP error
on Linux while the SYN is out (tcp_v4_err and tcp_v6_err, TCP_SYN_SENT), but for *too big*, after which TCP sends
smaller packets.  Where the client's own routes lead nowhere, connect() fails without a packet; where nobody answers for
the next hop, Linux gives up after three questions a second apart (RFC 4861 section 10, in IPv4 too), and so does a
router before it sends its ICMP error.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from dsflow.dataplane.disposition import Disposition
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.twin import Interval, Outcome, Signal
from dsflow.trace.words import interval_words

__all__ = [
    "UNKNOWN",
    "Attempt",
    "Result",
    "after",
    "attempt",
    "failure",
    "fate",
    "is_refused_by_own_routes",
    "loss",
    "title",
]


class Result(Enum):
    """How an attempt ends, as far as the client can tell."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Attempt:
    """An attempt's end: the traces until the client knows, and how a failure shows."""

    chain: Chain
    result: Result
    signal: Signal | None = None
    traces: tuple[Trace, ...] = ()

    @cached_property
    def time_us(self) -> Interval | None:
        """The median until the client knows; None where it never does, or no profile is at hand."""
        if self.signal in (Signal.OWN_ROUTES, Signal.OWN_LINK):
            return later((0.0, 0.0, 0.0), self.asking_us)
        percentiles = self.chain.time_over(*self.traces) if self.traces else None
        return None if percentiles is None else later(tuple(percentiles.p50), self.asking_us)

    @property
    def asking_us(self) -> float:
        """How long somebody asks for a neighbour in vain before anything is heard."""
        return NEIGHBOR_US if self.chain.traces[0].disposition is Disposition.NEIGHBOR_UNREACHABLE else 0.0


NEIGHBOR_US = 3_000_000.0
"""MAX_MULTICAST_SOLICIT times RETRANS_TIMER (RFC 4861 section 10); Linux was seen to take 3.07 s in both families."""


def later(time: Interval, by_us: float) -> Interval:
    """A time that begins later by a fixed one."""
    return time[0] + by_us, time[1] + by_us, time[2] + by_us


_NOWHERE = (Disposition.NO_ROUTE, Disposition.UNREACHABLE_ROUTE, Disposition.PROHIBITED, Disposition.BLACKHOLED)


def is_refused_by_own_routes(chain: Chain) -> bool:
    """Whether the sender's own routing table refuses the packet, so that it knows before it sends."""
    return _is_refused_at_once(chain, _NOWHERE)


def _is_refused_at_once(chain: Chain, dispositions: tuple[Disposition, ...]) -> bool:
    first = chain.traces[0]
    return len(first.hops) == 1 and first.disposition in dispositions


def attempt(chain: Chain) -> Attempt:
    """What a client sees of a question: of TCP its first connection, of other protocols the answer."""
    sent = chain.traces[0]
    answers = [trace for trace in chain.traces if trace.direction is Direction.REPLY and trace.connection == 1]
    if is_refused_by_own_routes(chain):
        return Attempt(chain, Result.FAILED, Signal.OWN_ROUTES)
    if _is_refused_at_once(chain, (Disposition.NEIGHBOR_UNREACHABLE,)):
        return Attempt(chain, Result.FAILED, Signal.OWN_LINK)
    if _is_unknown(sent) or (sent.disposition.is_success and any(map(_is_unknown, answers))):
        return Attempt(chain, Result.UNKNOWN)
    heard = next((trace for trace in answers if trace.disposition is Disposition.DELIVERED), None)
    if heard is not None:
        if sent.disposition.is_success:
            return Attempt(chain, Result.ACCEPTED, None, (sent, heard))
        return Attempt(chain, Result.FAILED, Signal.RESET, (sent, heard))
    error = None if sent.disposition.is_success else _error_about(chain)
    if error is not None:
        if sent.disposition is Disposition.TOO_BIG:
            return Attempt(chain, Result.UNKNOWN)
        return Attempt(chain, Result.FAILED, Signal.ICMP_ERROR, (sent, error))
    return Attempt(chain, Result.FAILED, Signal.SILENCE)


def fate(chain: Chain) -> Outcome:
    """What becomes of a connection that was accepted: it may be lost behind the proxy that accepted it."""
    if chain.failed is None:
        return Outcome.WORKS
    unknown = Disposition.UNDETERMINED in (chain.disposition, chain.round_trip)
    return Outcome.UNDETERMINED if unknown else Outcome.LOST_BEHIND_PROXY


def _is_unknown(trace: Trace) -> bool:
    return trace.disposition in (Disposition.UNDETERMINED, Disposition.LEFT_MODEL)


def _error_about(chain: Chain) -> Trace | None:
    """The ICMP error about the first packet that reached its sender."""
    sender = chain.traces[0].hops[0].device
    return next(
        (
            trace
            for trace in chain.traces
            if trace.cause is not None
            and trace.cause.trace == 0
            and trace.disposition is Disposition.DELIVERED
            and trace.hops[-1].device == sender
        ),
        None,
    )


# --- in words ------------------------------------------------------------------------------------------------

UNKNOWN = "the model cannot tell"

_SIGNALS = {
    Signal.RESET: "a TCP reset",
    Signal.ICMP_ERROR: "an ICMP error",
    Signal.OWN_ROUTES: "its own routes",
    Signal.OWN_LINK: "its own kernel, as nobody on the link answers for the next hop,",
}


def title(chain: Chain) -> str:
    """The family's name as prose writes it."""
    return chain.question.family.title


def failure(tried: Attempt) -> str:
    """How a failed attempt shows."""
    if tried.signal is None or tried.signal is Signal.SILENCE:
        return f"hears nothing over {title(tried.chain)}: {loss(tried.chain)}"
    return f"is refused over {title(tried.chain)} by {_SIGNALS[tried.signal]}{after(tried.time_us)}"


def loss(chain: Chain) -> str:
    """Where and how a family is lost."""
    lost = chain.failed or chain.forward
    what = "the answer" if lost.direction is Direction.REPLY else "the packet"
    return f"{what} ends as {lost.disposition} at {lost.ended_at.device}"


def after(time: Interval | None) -> str:
    """How long something took; nothing where it took no time, or nobody knows."""
    return "" if not time or not time[0] else f" after p50 {interval_words(time)}"
