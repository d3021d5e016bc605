"""Values of the wrong form and networks that cannot be are told together, each at its own place."""

from __future__ import annotations

from pathlib import Path

from tests.scenario.helpers import problems_of_text

SCENARIO = b"""apiVersion: dsflow/v1
name: several
links: {l0: {}}
devices:
  a:
    forwarding: perhaps
    rp_filter: never
    interfaces:
      e0: {link: l0, mtu: 60, addresses: [10.0.0.1/24]}
    routes:
      - {to: 10.5.0.1/16, via: 10.0.0.2}
      - {to: 10.5.0.0/16, via: 10.9.9.9}
    filters:
      - {hook: forwrd, action: drop, odd: 1}
      - {hook: input, action: drop, dport: 80}
      - {hook: input, action: drop, in_interface: e9}
    listen: [tcp/99999]
  b:
    interfaces:
      e0: {link: nowhere, addresses: [10.0.0.1/24]}
"""


def test_values_of_the_wrong_form_hide_no_other_problem(tmp_path: Path) -> None:
    """Items of one list keep their lines although one before them is set aside."""
    problems = problems_of_text(SCENARIO, tmp_path)
    told = [problem.split(": ")[1] for problem in problems]
    assert {"s.yaml:15", "s.yaml:16"} <= {problem.split(": ")[0] for problem in problems}
    assert sorted(told) == sorted(
        [
            "devices.a.forwarding",
            "devices.a.rp_filter",
            "devices.a.interfaces.e0.mtu",
            "devices.a.routes[0].to",
            "devices.a.routes[1].via",
            "devices.a.filters[0].hook",
            "devices.a.filters[0].odd",
            "devices.a.filters[1].dport",
            "devices.a.filters[2].in_interface",
            "devices.a.listen[0]",
            "devices.b.interfaces.e0.link",
            "devices.b.interfaces.e0.addresses[0]",
        ]
    )
