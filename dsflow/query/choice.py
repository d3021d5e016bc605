"""Which family a dual-stack client tries first, and why.

The order is that of RFC 6724 (:mod:`dsflow.net.rfc6724`) over the addresses that the two questions were asked with,
taken as all the addresses that the client and its resolver know.  What follows is in :mod:`dsflow.query.eyeballs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsflow.dataplane.disposition import Disposition
from dsflow.net import rfc6724
from dsflow.net.address import Address, Family
from dsflow.net.packet import Packet
from dsflow.net.rfc6724 import GLIBC, Candidate, PolicyTable
from dsflow.query.attempt import UNKNOWN, Attempt, Result, after, attempt, fate, is_refused_by_own_routes, loss, title
from dsflow.query.eyeballs import course
from dsflow.trace.chain import Chain
from dsflow.trace.twin import Choice, Offer, Outcome

__all__ = ["choice"]


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
    found = course(chains[family], chains[second.destination.family])
    text = [f"tries {family.title} first: {_why(first, second, rule, chains)}", *found.text]
    if glibc is not family:
        text += _glibc_words(chains[glibc], chains[family])
    return Choice(offers, family, int(rule), glibc, found.outcome, found.signal, found.wait, tuple(text))


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
    yield f"with glibc tries {title(first)} first: the C library keeps the precedences of RFC 3484, which musl does not"
    yield from (f"with glibc {line}" for line in course(first, second).text)


# --- nothing to choose ----------------------------------------------------------------------------------------


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
    name = title(tried.chain)
    if tried.result is Result.UNKNOWN:
        return Outcome.UNDETERMINED, f"may or may not be answered over {name}: {UNKNOWN}"
    if tried.result is Result.FAILED:
        return Outcome.FAILS, f"fails over {name} and has nothing to fall back to: {loss(tried.chain)}"
    behind = fate(tried.chain)
    if behind is not Outcome.WORKS:
        return behind, f"connects over {name} to a proxy; {loss(tried.chain)}"
    return behind, f"is answered over {name}{after(tried.time_us)}"
