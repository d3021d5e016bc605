"""The list of mutations: every kernel rule that can be switched off by itself, and the packets that tell."""

from __future__ import annotations

from tests.kernel import mutations_forwarding, mutations_fragments, mutations_hosts, mutations_translation

__all__ = ["MUTATIONS"]

MUTATIONS = (
    *mutations_forwarding.MUTATIONS,
    *mutations_fragments.MUTATIONS,
    *mutations_hosts.MUTATIONS,
    *mutations_translation.MUTATIONS,
)
"""All of them."""
