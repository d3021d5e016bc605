"""Flows and expectations from their text."""

from __future__ import annotations

from dsflow.model.question import Expectation, Flow
from dsflow.net.address import Family
from dsflow.scenario.document import Path, show
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.schema_questions import ExpectationText, FlowText

__all__ = ["QuestionBuilder"]

_HEADER_BYTES = {"ipv4": 20, "ipv6": 40, "tcp": 20, "udp": 8, "icmp": 8}
_CLAIMS = ("disposition", "path_type", "nat", "round_trip")


class QuestionBuilder:
    """Questions, and what must hold of their answers."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._source = parsed.document.source

    def flow(self, index: int, text: FlowText) -> Flow:
        """The flow at ``index`` among those that can be read."""
        return self._flow(("flows", self._parsed.position("flows", index)), text)

    def _flow(self, path: Path, text: FlowText) -> Flow:
        if text.protocol == "icmp" and (text.sport is not None or text.dport is not None):
            self._parsed.report(path, "a port beside protocol: icmp", "no port")
        if text.protocol != "icmp" and text.dport is None:
            self._parsed.report(path, "no dport", f"a destination port for {text.protocol}")
        least = _HEADER_BYTES[text.family] + _HEADER_BYTES[text.protocol]
        if text.size is not None and text.size < least:
            self._parsed.report((*path, "size"), str(text.size), f"at least the {least} bytes of the headers")
        return Flow(
            origin=text.origin,
            target=text.target,
            family=Family.IPV4 if text.family == "ipv4" else Family.IPV6,
            protocol=text.protocol,
            sport=text.sport,
            dport=text.dport,
            ttl=text.ttl,
            size_bytes=text.size,
            dont_fragment=text.df,
            source_address=None if text.source is None else str(text.source),
        )

    def expectation(self, index: int, text: ExpectationText) -> Expectation:
        """The expectation at ``index`` among those that can be read."""
        path = ("expect", self._parsed.position("expect", index))
        expected = tuple((key, getattr(text, key)) for key in _CLAIMS if key in text.model_fields_set)
        if not expected:
            self._parsed.report(path, "nothing that must hold", f"at least one of {', '.join(_CLAIMS)}")
        for key, value in expected:
            if value is None and key in ("disposition", "nat"):
                self._parsed.report((*path, key), show(None), f"a {key}, or no such key")
        return Expectation(flow=self._flow(path, text), expected=expected, source=self._source(path))
