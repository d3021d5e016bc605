"""What becomes of a client that tries one family first, and what it costs where that one fails.

With Happy Eyeballs (RFC 8305 section 5) the next
address is tried when the Connection Attempt Delay is over, 250 ms as recommended, or when the attempt before has
failed, but never within 10 ms of it.  A client without tries the next address when the attempt before has failed: in
silence that is when TCP has sent its last SYN in vain (Linux, Documentation/networking/ip-sysctl.rst,
tcp_syn_retries 6 and tcp_syn_linear_timeouts 4: 131 s, before Linux 6.5 127 s).

Not modelled: what a client remembers of earlier connections (RFC 8305 section 4), and the race between the answers
of DNS (the Resolution Delay of 50 ms, section 3): both addresses are at hand when the first attempt begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsflow.query.attempt import UNKNOWN, Attempt, Result, after, attempt, failure, fate, later, loss, title
from dsflow.trace.chain import Chain
from dsflow.trace.twin import Interval, Outcome, Signal, Wait
from dsflow.trace.words import interval_words

__all__ = ["Course", "course"]

ATTEMPT_DELAY_US = 250_000.0
"""The Connection Attempt Delay that RFC 8305 section 5 recommends."""

LEAST_DELAY_US = 10_000.0
"""What lies between two attempts in any case (RFC 8305 section 5)."""

SYN_SILENCE_US = 131_000_000.0
"""How long Linux waits for an answer to a SYN: 1 s five times, then 2, 4, 8, 16, 32 and 64 s."""


class Course(NamedTuple):
    """What becomes of a client, its way of learning and waiting, and that in words."""

    outcome: Outcome
    signal: Signal | None
    wait: Wait | None
    text: tuple[str, ...]


def course(first: Chain, second: Chain) -> Course:
    """From the first attempt on."""
    if first.question.protocol != "tcp":
        return _without_connection(first, second)
    tried, fallback = attempt(first), attempt(second)
    mine, its = title(first), title(second)
    if tried.result is Result.UNKNOWN:
        told = f"may or may not connect over {mine}: {UNKNOWN}"
        return Course(Outcome.UNDETERMINED, None, None, (told,))
    if tried.result is Result.ACCEPTED:
        return _accepted(tried, fallback)
    told = failure(tried)
    if fallback.result is Result.FAILED:
        return Course(Outcome.FAILS, tried.signal, None, (told, f"fails over {its} too: {loss(second)}"))
    if fallback.result is Result.UNKNOWN:
        return Course(
            Outcome.UNDETERMINED,
            tried.signal,
            None,
            (told, f"falls back to {its}, which may or may not answer: {UNKNOWN}"),
        )
    wait = _wait(tried, fallback)
    behind = fate(second)
    outcome = Outcome.FALLS_BACK if behind is Outcome.WORKS else behind
    return Course(outcome, tried.signal, wait, (told, *_fallback_words(tried, fallback, wait)))


def _accepted(tried: Attempt, fallback: Attempt) -> Course:
    """The first family connects: nobody falls back, whatever comes later."""
    mine, its = title(tried.chain), title(fallback.chain)
    time = tried.time_us
    wait = None if time is None else Wait(time, time)
    told = [f"connects over {mine}{after(time)}, and needs no fallback"]
    behind = fate(tried.chain)
    if behind is not Outcome.WORKS:
        told = [f"connects over {mine}{after(time)} to {tried.traces[0].hops[-1].device}, a proxy; {loss(tried.chain)}"]
        told.append(f"does not fall back to {its}: the connection stands (RFC 8305 section 5)")
        return Course(behind, None, wait, tuple(told))
    if time is not None and time[0] > ATTEMPT_DELAY_US:
        told.append(
            f"with Happy Eyeballs tries {its} too after 250 ms, as that is not connected yet (RFC 8305 section 5)"
        )
    if fallback.result is Result.FAILED:
        told.append(_unnoticed(its))
    return Course(Outcome.WORKS, None, wait, tuple(told))


def _unnoticed(title: str) -> str:
    return f"never notices that {title} fails; only one that knows the {title} address alone does"


def _wait(tried: Attempt, fallback: Attempt) -> Wait | None:
    """The time from the first attempt until the other one's connection stands."""
    connects, refused = fallback.time_us, tried.time_us
    if connects is None:
        return None
    if refused is None:
        return Wait(later(connects, ATTEMPT_DELAY_US), later(connects, SYN_SILENCE_US))
    together: Interval = tuple(tried.chain.time_over(*tried.traces, *fallback.traces).p50)  # medians do not add up
    both = later(together, tried.asking_us)
    if refused[0] < LEAST_DELAY_US:
        return Wait(later(connects, LEAST_DELAY_US), both)
    return Wait(both if refused[0] < ATTEMPT_DELAY_US else later(connects, ATTEMPT_DELAY_US), both)


def _fallback_words(tried: Attempt, fallback: Attempt, wait: Wait | None) -> Iterator[str]:
    its = title(fallback.chain)
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
        yield f"tries {its} then{patient}"
        if wait is not None and wait.happy_eyeballs[0] > wait.one_by_one[0]:
            yield f"with Happy Eyeballs, which keeps attempts 10 ms apart (RFC 8305 section 5){eyeballs}"
        elif wait is not None and wait.happy_eyeballs[0] < wait.one_by_one[0]:
            yield f"with Happy Eyeballs tries {its} after 250 ms already (RFC 8305 section 5){eyeballs}"
    if fate(fallback.chain) is not Outcome.WORKS:
        yield f"reaches a proxy there; {loss(fallback.chain)}"


def _without_connection(first: Chain, second: Chain) -> Course:
    """UDP and pings: without a handshake there is no Happy Eyeballs, and waiting is the application's affair."""
    mine, its = title(first), title(second)
    tried, fallback = attempt(first), attempt(second)
    if tried.result is Result.UNKNOWN:
        return Course(Outcome.UNDETERMINED, None, None, (f"may or may not be answered over {mine}: {UNKNOWN}",))
    if tried.result is Result.ACCEPTED:
        time = tried.time_us
        told = [f"is answered over {mine}{after(time)}"]
        if fallback.result is Result.FAILED:
            told.append(_unnoticed(its))
        return Course(Outcome.WORKS, None, None if time is None else Wait(time, time), tuple(told))
    name = "UDP has no handshake" if first.question.protocol == "udp" else "a ping opens no connection"
    answers = {Result.ACCEPTED: "would answer", Result.FAILED: "fails too", Result.UNKNOWN: "may or may not answer"}
    own = (
        f"falls back to {its} only if the application sees to it ({name}, so RFC 8305 sets no timer): "
        f"{its} {answers[fallback.result]}"
    )
    return Course(Outcome.FAILS, tried.signal, None, (failure(tried), own))
