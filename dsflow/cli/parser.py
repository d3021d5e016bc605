"""Commands and their flags, for argparse; nothing here imports what the commands need."""

from __future__ import annotations

import argparse
import os
import sys

from dsflow.version import __version__

TYPE_CHECKING = False  # typing's own name for it, without the cost of importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["build_parser"]

SCENARIO_HELP = "a file, - for standard input, or an embedded name"


class _Help(argparse.HelpFormatter):
    """Help as wide as the terminal; argparse would import shutil to ask how wide that is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):  # standard output is no terminal
        return 80


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the whole usage is one --help away."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="dsflow",
        description="Packet-level traffic flows of dual-stack Kubernetes on Oracle Cloud (OKE), simulated.",
        epilog="Exit codes: 0 done; 1 a check failed or a difference was found; 2 bad usage or bad input.",
        allow_abbrev=False,
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"dsflow {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_run, _add_trace, _add_get, _add_check, _add_diff, _add_whatif, _add_lab):
        add(commands)
    for add in (_add_assumptions, _add_schema, _add_init):
        add(commands)
    return parser


def _command(
    commands: Any, name: str, module: str, text: str, *, more: str = "", seed: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=_sentence(text) + more, allow_abbrev=False, formatter_class=_Help
    )
    parser.set_defaults(module=module, function=name)
    if seed:
        parser.add_argument("--seed", type=_SEED, default=0, metavar="N", help="fixes everything random (default: 0)")
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="no progress and no remarks, only errors")
    loudness.add_argument("-v", "--verbose", action="store_true", help="remarks on what was read and written")
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    """What reads a whole number within bounds, or says what was found and what was expected."""

    def read(text: str) -> int:
        if not text.isdecimal() or not text.isascii() or len(text) > 18 or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f'"{text}": expected a whole number, {lowest}-{highest}')
        return int(text)

    return read


_PORT = _whole(1, 65535)
_SEED = _whole(0, 2**32 - 1)


def _add_scenario(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help=SCENARIO_HELP)


def _add_run(commands: Any) -> None:
    parser = _command(commands, "run", "run", "every path type in both families, as one matrix")
    parser.add_argument(
        "scenario", nargs="?", default="oke-sydney", metavar="SCENARIO", help=f"{SCENARIO_HELP} (default: oke-sydney)"
    )
    parser.add_argument("--out", metavar="DIR", help="write chains.jsonl, latency.csv, flows.pcapng and report.html")


def _add_trace(commands: Any) -> None:
    more = " Without --tcp, --udp or --icmp: TO's first open port, else an echo."
    parser = _command(commands, "trace", "trace", "one question, hop by hop", more=more)
    _add_scenario(parser)
    parser.add_argument("origin", metavar="FROM", help="a pod, node, load balancer or Internet host: pod/default/web-1")
    parser.add_argument("target", metavar="TO", help="the same, a Service (service/default/web), or an address")
    parser.add_argument(
        "--family",
        type=lambda text: text.removeprefix("ipv"),
        choices=("4", "6", "both"),
        default="both",
        help="IP version (default: both, compared)",
    )
    protocol = parser.add_mutually_exclusive_group()
    protocol.add_argument("--tcp", type=_PORT, metavar="PORT", help="a TCP SYN to this port")
    protocol.add_argument("--udp", type=_PORT, metavar="PORT", help="a UDP datagram to this port")
    protocol.add_argument("--icmp", action="store_true", help="an echo request")
    parser.add_argument(
        "--sport", type=_PORT, metavar="PORT", help="source port (40000), of an echo the identifier (1)"
    )
    parser.add_argument("--size", type=_whole(20, 65535), metavar="BYTES", help="the whole packet in bytes")
    parser.add_argument(
        "--ttl", type=_whole(1, 255), default=64, metavar="N", help="first TTL or hop limit (default: 64)"
    )
    parser.add_argument(
        "--df", action=argparse.BooleanOptionalAction, help="IPv4's don't-fragment flag (default: on TCP only)"
    )
    parser.add_argument("--source", metavar="ADDRESS", help="another source address than FROM's own")
    _add_output(
        parser,
        ("table", "wide", "json", "yaml", "mermaid"),
        "table (default), wide (every step), json, yaml, or mermaid (a diagram per family)",
    )
    parser.add_argument("--pcap", metavar="FILE", help="write the packets at every hop as pcapng")
    parser.add_argument(
        "--branches", action="store_true", help="every back end that could be chosen, with its probability"
    )
    parser.add_argument(
        "--ignore-policy", action="store_true", help="as if no filter, NetworkPolicy or security rule refused anything"
    )
    parser.add_argument(
        "--all-blockers", action="store_true", help="everything that stands in the way, not only the first thing"
    )


def _add_output(parser: argparse.ArgumentParser, formats: tuple[str, ...], words: str) -> None:
    parser.add_argument("-o", "--output", choices=formats, default="table", metavar="FORMAT", help=words)


def _add_get(commands: Any) -> None:
    parser = _command(commands, "get", "get", "what exists in a scenario", seed=False)
    parser.add_argument(
        "kind",
        metavar="KIND",
        help="pods, nodes, namespaces, services, load-balancers, vcns, subnets, vnics, routes, gateways, "
        "security-rules, policies, hosts, devices or links",
    )
    _add_scenario(parser)
    _add_output(
        parser, ("table", "wide", "json", "yaml", "name"), "table (default), wide, json, yaml, or name (the ids only)"
    )


def _add_check(commands: Any) -> None:
    parser = _command(commands, "check", "check", "whether what a scenario expects holds; exit 1 where it does not")
    parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", help=SCENARIO_HELP)
    parser.add_argument(
        "--assumptions", choices=("all",), metavar="all", help="also under every alternative of what answers rest on"
    )


def _add_diff(commands: Any) -> None:
    parser = _command(
        commands, "diff", "compare", "what changed from one scenario to another, and why; exit 1 if anything did"
    )
    parser.add_argument("before", metavar="A", help=SCENARIO_HELP)
    parser.add_argument("after", metavar="B", help=SCENARIO_HELP)


def _add_whatif(commands: Any) -> None:
    parser = _command(commands, "whatif", "compare", "what a change would change, and why; exit 1 if anything")
    _add_scenario(parser)
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        required=True,
        metavar="PATH=VALUE",
        help="a value by dotted path, null to take it away: gateways.nat.enabled=false",
    )


def _add_lab(commands: Any) -> None:
    text = "the same packets through the Linux kernel, compared hop by hop"
    parser = commands.add_parser(
        "lab", help=text, description=_sentence(text), allow_abbrev=False, formatter_class=_Help
    )
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_lab_verify(inner)
    plan = _command(inner, "plan", "lab", "the commands that build the network, as a shell script", seed=False)
    _add_scenario(plan)


def _add_lab_verify(commands: Any) -> None:
    more = " Without --probes or --random: the scenario's flows and expectations. Needs root, ip, nft and socat."
    parser = _command(
        commands, "verify", "lab", "whether kernel and simulation agree; exit 1 where they do not", more=more
    )
    _add_scenario(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--probes", metavar="FILE", help='JSON lines: {"device": ..., "packet": hex, "interface": ...}')
    source.add_argument("--random", type=_whole(1, 100_000), metavar="N", help="N packets drawn by --seed")
    _add_output(parser, ("table", "json"), "table (default, with both lists of hops where they differ), or json")


def _add_assumptions(commands: Any) -> None:
    text = "what no source settles and what is taken instead; of a scenario, what its answers rest on"
    parser = _command(commands, "assumptions", "assumptions", text)
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help=f"{SCENARIO_HELP}; left out: the registry")
    _add_output(parser, ("table", "json"), "table (default), or json")


def _add_schema(commands: Any) -> None:
    parser = _command(commands, "schema", "texts", "the JSON Schema of a scenario or of a trace", seed=False)
    parser.add_argument("subject", choices=("scenario", "trace"), help="whose schema")


def _add_init(commands: Any) -> None:
    parser = _command(commands, "init", "texts", "write a commented starter scenario", seed=False)
    parser.add_argument(
        "file", nargs="?", default="my-cluster.yaml", metavar="FILE", help="- prints it (default: my-cluster.yaml)"
    )
