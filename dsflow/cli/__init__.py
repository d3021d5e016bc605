"""The command line: one thin function per command, loaded when it is chosen.

Exit codes: 0 done; 1 a check failed or a difference was found; 2 bad usage, bad input or a file that
cannot be read or written; 130 interrupted; 141 the reader of a pipe went away (as the shell tells it).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing's own name for it, without the cost of importing typing
if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

FAULT = 2
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    >>> main(["--version"])
    dsflow 0.1.0
    0
    """
    try:
        return _run(argv)
    except SystemExit as end:  # argparse's way to end: --help, --version and bad usage
        return end.code if isinstance(end.code, int) else FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED


def _run(argv: list[str] | None) -> int:
    from dsflow.cli.parser import build_parser

    args = build_parser().parse_args(argv)

    import gc
    import os

    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them costs a twentieth of a trace
    _accept_every_character()
    collects = gc.isenabled()
    gc.disable()  # a command is short and makes few circles: looking for them takes a seventh of its time
    try:
        return _obeyed(args)
    finally:
        if collects:
            gc.enable()


def _obeyed(args: Namespace) -> int:
    from importlib import import_module

    from dsflow.errors import DsflowError

    try:
        command = getattr(import_module(f"dsflow.cli.{args.module}"), args.function)
        code = int(command(args))
        sys.stdout.flush()
    except DsflowError as error:
        sys.stderr.write(f"{error}\n")
        return FAULT
    return code


def _accept_every_character() -> None:
    """An output that cannot show a character shows a question mark, rather than end in an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _forget_output() -> None:
    """Nobody reads on: what is still buffered must not raise when Python ends."""
    import os
    from contextlib import suppress

    with suppress(OSError, ValueError):  # where standard output is no file, as in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
