"""Which family a dual-stack client tries first, and what it costs where that one fails.

The order is that of RFC 6724 (:mod:`dsflow.net.rfc6724`) over the addresses that the two questions were asked with,
taken as all the addresses that the client and its resolver know.  With Happy Eyeballs (RFC 8305 section 5) the next
address is tried when the Connection Attempt Delay is over, 250 ms as recommended, or when the attempt before has
failed, but never within 10 ms of it.  A client without tries the next address when the attempt before has failed: in
silence that is when TCP has sent its last SYN in vain (Linux, Documentation/networking/ip-sysctl.rst,
tcp_syn_retries 6 and tcp_syn_linear_timeouts 4: 131 s, before Linux 6.5 127 s).

Not modelled: what a client remembers of earlier connections (RFC 8305 section 4), and the race between the answers
of DNS (the Resolution Delay of 50 ms, section 3): both addresses are at hand when the first attempt begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dsflow.dataplane.disposition import Disposition
from dsflow.net import rfc6724
from dsflow.net.address import Address, Family
from dsflow.net.packet import Packet
from dsflow.net.rfc6724 import GLIBC, Candidate, PolicyTable
from dsflow.query.attempt import Attempt, Result, attempt, is_refused_by_own_routes
from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction
from dsflow.trace.twin import Choice, Interval, Offer, Outcome, Signal, Wait
from dsflow.trace.words import interval_words

__all__ = ["choice"]

ATTEMPT_DELAY_US = 250_000.0
"""The Connection Attempt Delay that RFC 8305 section 8 recommends."""

LEAST_DELAY_US = 10_000.0
"""What lies between two attempts in any case (RFC 8305 section 5)."""

SYN_SILENCE_US = 131_000_000.0
"""How long Linux waits for an answer to a SYN: 1 s five times, then 2, 4, 8, 16, 32 and 64 s."""


def choice(ipv4: Chain, ipv6: Chain) -> Choice:
    """The family that a client tries first, why, and what becomes of it."""
    chains = {Family.IPV4: ipv4, Family.IPV6: ipv6}
    offers = tuple(offer for chain in chains.values() if (offer := _offer(chain)) is not None)
    if len(offers) < 2:
        return _without_choice(chains, offers)
    one, other = map(_candidate, offers)
    first, second = rfc6724.order((one, other))
    rule = rfc6724.decisive_rule(first, second)
    family = first.destination.family
    glibc = _first(offers, GLIBC)
    course = _course(chains[family], chains[second.destination.family])
    text = [f"tries {family.title} first: {_why(first, second, rule, chains)}", *course.text]
    if glibc is not family:
        text += _glibc_words(chains[glibc], chains[family])
    return Choice(offers, family, int(rule), glibc, course.outcome, course.signal, course.wait, tuple(text))


def _offer(chain: Chain) -> Offer | None:
    """The addresses of the question; None where an end lacks the family, so that no packet was made."""
    packet = _first_packet(chain)
    if packet is None:
        return None
    family = Family(packet.family)
    ends = Address(family, packet.src), Address(family, packet.dst)
    return Offer(family, *ends, not is_refused_by_own_routes(chain))


def _first_packet(chain: Chain) -> Packet | None:
    first = chain.traces[0].hops[0]
    made = (record[3] for record in first.records if record[3] is not None)  # what its own device refused never left
    return next(made, None)


def _candidate(offer: Offer) -> Candidate:
    return Candidate(offer.destination, offer.source if offer.usable else None)


def _first(offers: Sequence[Offer], table: PolicyTable) -> Family:
    return rfc6724.order(map(_candidate, offers), table)[0].destination.family


# --- why -----------------------------------------------------------------------------------------------------


def _why(first: Candidate, second: Candidate, rule: rfc6724.Rule, chains: dict[Family, Chain]) -> str:
    return f"{_reason(first, second, rule, chains)} (RFC 6724 section 6, rule {rule}: {rule.title})"


def _reason(first: Candidate, second: Candidate, rule: rfc6724.Rule, chains: dict[Family, Chain]) -> str:
    better, worse = first.destination.family.title, second.destination.family.title
    if rule is rfc6724.Rule.AVOID_UNUSABLE:
        return f"its own routes lead nowhere in {worse}: {chains[second.destination.family].forward.reason}"
    if rule is rfc6724.Rule.MATCHING_SCOPE:
        return f"the source {second.source} reaches less far than {second.destination}, in {better} both reach alike"
    if rule is rfc6724.Rule.MATCHING_LABEL:
        assert second.source is not None, "an unusable destination is told apart by rule 1"
        labels = (rfc6724.policy(address).label for address in (second.source, second.destination))
        return (
            f"{worse}'s source {second.source} and destination {second.destination} are of two kinds "
            f"(labels {' and '.join(map(str, labels))}), {better}'s are of one"
        )
    assert rule is rfc6724.Rule.HIGHER_PRECEDENCE, "no later rule tells two families apart"
    mine, its = (rfc6724.policy(one.destination).precedence for one in (first, second))
    return f"{first.destination} has precedence {mine}, {second.destination} {its}"


def _glibc_words(first: Chain, second: Chain) -> Iterator[str]:
    """What the C library of most Linux images does instead, where its table says otherwise."""
    title = first.question.family.title
    yield f"with glibc tries {title} first: the C library keeps the precedences of RFC 3484, which musl does not"
    yield from (f"with glibc {line}" for line in _course(first, second).text)


# --- what becomes of it --------------------------------------------------------------------------------------


class _Course(NamedTuple):
    """What becomes of a client, its way of learning and waiting, and that in words."""

    outcome: Outcome
    signal: Signal | None
    wait: Wait | None
    text: tuple[str, ...]


def _course(first: Chain, second: Chain) -> _Course:
    """From the first attempt on."""
    if first.question.protocol != "tcp":
        return _without_connection(first, second)
    tried, fallback = attempt(first), attempt(second)
    mine, its = _title(first), _title(second)
    if tried.result is Result.UNKNOWN:
        told = f"may or may not connect over {mine}: {_UNKNOWN}"
        return _Course(Outcome.UNDETERMINED, None, None, (told,))
    if tried.result is Result.ACCEPTED:
        return _accepted(tried, fallback)
    told = _failure(tried)
    if fallback.result is Result.FAILED:
        return _Course(Outcome.FAILS, tried.signal, None, (told, f"fails over {its} too: {_loss(second)}"))
    if fallback.result is Result.UNKNOWN:
        return _Course(
            Outcome.UNDETERMINED,
            tried.signal,
            None,
            (told, f"falls back to {its}, which may or may not answer: {_UNKNOWN}"),
        )
    wait = _wait(tried, fallback)
    outcome = Outcome.FALLS_BACK if second.succeeded else Outcome.LOST_BEHIND_PROXY
    return _Course(outcome, tried.signal, wait, (told, *_fallback_words(tried, fallback, wait)))


_UNKNOWN = "the model cannot tell"

_SIGNALS = {
    Signal.RESET: "a TCP reset",
    Signal.ICMP_ERROR: "an ICMP error",
    Signal.OWN_ROUTES: "its own routes",
}


def _accepted(tried: Attempt, fallback: Attempt) -> _Course:
    """The first family connects: nobody falls back, whatever comes later."""
    mine, its = _title(tried.chain), _title(fallback.chain)
    time = tried.time_us
    wait = None if time is None else Wait(time, time)
    told = [f"connects over {mine}{_after(time)}, and needs no fallback"]
    if tried.chain.failed is not None:
        proxy = tried.traces[0].hops[-1].device
        told = [f"connects over {mine}{_after(time)} to {proxy}, a proxy, and is lost behind it: {_loss(tried.chain)}"]
        told.append(
            f"does not fall back to {its}: Happy Eyeballs ends where the connection stands (RFC 8305 section 5)"
        )
        return _Course(Outcome.LOST_BEHIND_PROXY, None, wait, tuple(told))
    if time is not None and time[0] > ATTEMPT_DELAY_US:
        told.append(
            f"with Happy Eyeballs tries {its} too after 250 ms, as that is not connected yet (RFC 8305 section 5)"
        )
    if fallback.result is Result.FAILED:
        told.append(_unnoticed(its))
    return _Course(Outcome.WORKS, None, wait, tuple(told))


def _unnoticed(title: str) -> str:
    return f"never notices that {title} fails; only one that knows the {title} address alone does"


def _wait(tried: Attempt, fallback: Attempt) -> Wait | None:
    """The time from the first attempt until the other one's connection stands."""
    connects = fallback.time_us
    if connects is None:
        return None
    if tried.signal is Signal.SILENCE:
        return Wait(_later(connects, ATTEMPT_DELAY_US), _later(connects, SYN_SILENCE_US))
    refused = tried.time_us
    if refused is None:
        return None
    both = _both(tried, fallback, connects)
    if refused[0] < LEAST_DELAY_US:
        return Wait(_later(connects, LEAST_DELAY_US), both)
    return Wait(both if refused[0] < ATTEMPT_DELAY_US else _later(connects, ATTEMPT_DELAY_US), both)


def _both(tried: Attempt, fallback: Attempt, connects: Interval) -> Interval:
    """The refusal and then the connection, sampled together: percentiles do not add up."""
    if not tried.traces:
        return connects
    percentiles = tried.chain.time_over(*tried.traces, *fallback.traces)
    return tuple(percentiles.p50)


def _later(time: Interval, by_us: float) -> Interval:
    """A time that begins later by a fixed one."""
    return time[0] + by_us, time[1] + by_us, time[2] + by_us


def _fallback_words(tried: Attempt, fallback: Attempt, wait: Wait | None) -> Iterator[str]:
    its = _title(fallback.chain)
    eyeballs, patient = ("", "") if wait is None else (f", in all p50 {interval_words(one)}" for one in wait)
    if tried.signal is Signal.SILENCE:
        yield (
            f"with Happy Eyeballs (RFC 8305 section 5) tries {its} when the Connection Attempt Delay is over: "
            f"a connection takes 250 ms longer{eyeballs}"
        )
        yield (
            f"without, tries {its} when TCP has given up: on Linux a connection takes 131 s longer "
            "(tcp_syn_retries 6; 127 s before Linux 6.5)"
        )
    else:
        yield f"tries {its} at once{patient}"
        if wait is not None and wait.happy_eyeballs != wait.one_by_one:
            yield f"with Happy Eyeballs, which keeps attempts 10 ms apart (RFC 8305 section 5){eyeballs}"
    if fallback.chain.failed is not None:
        yield f"is lost there behind the proxy: {_loss(fallback.chain)}"


def _without_connection(first: Chain, second: Chain) -> _Course:
    """UDP and pings: without a handshake there is no Happy Eyeballs, and waiting is the application's affair."""
    mine, its = _title(first), _title(second)
    tried, fallback = attempt(first), attempt(second)
    if tried.result is Result.UNKNOWN:
        return _Course(Outcome.UNDETERMINED, None, None, (f"may or may not be answered over {mine}: {_UNKNOWN}",))
    if tried.result is Result.ACCEPTED:
        time = tried.time_us
        told = [f"is answered over {mine}{_after(time)}"]
        if fallback.result is Result.FAILED:
            told.append(_unnoticed(its))
        return _Course(Outcome.WORKS, None, None if time is None else Wait(time, time), tuple(told))
    name = "UDP has no handshake" if first.question.protocol == "udp" else "a ping opens no connection"
    answers = {Result.ACCEPTED: "would answer", Result.FAILED: "fails too", Result.UNKNOWN: "may or may not answer"}
    own = (
        f"falls back to {its} only if the application sees to it ({name}, so RFC 8305 sets no timer): "
        f"{its} {answers[fallback.result]}"
    )
    return _Course(Outcome.FAILS, tried.signal, None, (_failure(tried), own))


def _without_choice(chains: dict[Family, Chain], offers: Sequence[Offer]) -> Choice:
    """An end has one family only, or nothing is known of the addresses."""
    lacking = [chain for family, chain in chains.items() if family not in [offer.family for offer in offers]]
    reasons = "; ".join(dict.fromkeys(chain.forward.reason for chain in lacking))
    if not offers:
        unknown = any(chain.disposition is Disposition.UNDETERMINED for chain in lacking)
        outcome = Outcome.UNDETERMINED if unknown else Outcome.FAILS
        told = "cannot be told" if unknown else "has nothing to try"
        return Choice((), None, None, None, outcome, None, None, (f"{told}: {reasons}",))
    (offer,) = offers
    tried = attempt(chains[offer.family])
    outcome, told = _only(tried)
    text = (f"has no choice but {offer.family.title}: {reasons}", told)
    return Choice((offer,), None, None, None, outcome, tried.signal, None, text)


def _only(tried: Attempt) -> tuple[Outcome, str]:
    """What becomes of a client that has one family."""
    title = _title(tried.chain)
    if tried.result is Result.UNKNOWN:
        return Outcome.UNDETERMINED, f"may or may not be answered over {title}: {_UNKNOWN}"
    if tried.result is Result.FAILED:
        return Outcome.FAILS, f"fails over {title} and has nothing to fall back to: {_loss(tried.chain)}"
    if tried.chain.failed is not None:
        return Outcome.LOST_BEHIND_PROXY, f"connects over {title} and is lost behind the proxy: {_loss(tried.chain)}"
    return Outcome.WORKS, f"is answered over {title}{_after(tried.time_us)}"


# --- words ---------------------------------------------------------------------------------------------------


def _title(chain: Chain) -> str:
    return chain.question.family.title


def _failure(tried: Attempt) -> str:
    """How a failed attempt shows."""
    title = _title(tried.chain)
    if tried.signal is None or tried.signal is Signal.SILENCE:
        return f"hears nothing over {title}: {_loss(tried.chain)}"
    return f"is refused over {title} by {_SIGNALS[tried.signal]}{_after(tried.time_us)}"


def _loss(chain: Chain) -> str:
    """Where and how a family is lost."""
    lost = chain.failed or chain.forward
    what = "the answer" if lost.direction is Direction.REPLY else "the packet"
    return f"{what} ends as {lost.disposition} at {lost.ended_at.device}"


def _after(time: Interval | None) -> str:
    return "" if not time or not time[0] else f" after p50 {interval_words(time)}"
