"""How a trace ends: one word, the same in every executor."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Disposition"]


class Disposition(StrEnum):
    """The end of a trace.  *The network drops it* and *the model cannot tell* are never the same.

    >>> Disposition("scope-unroutable").is_success, Disposition.LEFT_MODEL.is_success
    (False, True)
    """

    DELIVERED = "delivered"
    LEFT_MODEL = "left-model"
    RE_ORIGINATED = "re-originated"

    NO_ROUTE = "no-route"
    BLACKHOLED = "blackholed"
    PROHIBITED = "prohibited"
    UNREACHABLE_ROUTE = "unreachable-route"
    SCOPE_UNROUTABLE = "scope-unroutable"
    FAMILY_UNAVAILABLE = "family-unavailable"
    DENIED_EGRESS = "denied-egress"
    DENIED_INGRESS = "denied-ingress"
    DENIED_FORWARD = "denied-forward"
    NO_BACKEND = "no-backend"
    NAT_EXHAUSTED = "nat-exhausted"
    GATEWAY_DISABLED = "gateway-disabled"
    NO_PUBLIC_ADDRESS = "no-public-address"
    SOURCE_CHECK_FAILED = "source-check-failed"
    NOT_FORWARDING = "not-forwarding"
    TOO_BIG = "too-big"
    HOP_LIMIT_EXCEEDED = "hop-limit-exceeded"
    LOOP = "loop"
    NO_LISTENER = "no-listener"
    NEIGHBOR_UNREACHABLE = "neighbor-unreachable"
    MALFORMED = "malformed"
    RETURN_LOST = "return-lost"

    UNDETERMINED = "undetermined"

    @property
    def is_success(self) -> bool:
        """Whether the packet got where it was going, as far as the model reaches."""
        return self in (Disposition.DELIVERED, Disposition.LEFT_MODEL, Disposition.RE_ORIGINATED)

    @property
    def is_denial(self) -> bool:
        """Whether a filter, a policy or a security rule refused the packet."""
        return self in (Disposition.DENIED_INGRESS, Disposition.DENIED_FORWARD, Disposition.DENIED_EGRESS)

    @property
    def is_failure(self) -> bool:
        """Whether the network lost or refused the packet."""
        return not self.is_success and self is not Disposition.UNDETERMINED
