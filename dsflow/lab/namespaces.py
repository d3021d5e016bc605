"""Network namespaces of this host: entered, listed, and removed whatever happens to this process."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from dsflow.errors import HostError

__all__ = ["Keeper", "entered", "fresh_prefix", "remove_leftovers"]

PREFIX = "dsl"
"""What the names of the lab's namespaces begin with; the lab touches no others."""

_FOLDER = Path("/run/netns")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h
_NAME = re.compile(rf"{PREFIX}-(\d+)-\d+-\d+")

_REMOVE = """\
cat >/dev/null
for name; do
    [ -e /run/netns/$name ] || continue
    for pid in $(ip netns pids $name); do kill -9 $pid; done
    ip netns del $name
done
"""
"""Waits until its input ends, which the kernel sees to when this process is gone, then removes what it is given."""

_numbers = count()


def fresh_prefix() -> str:
    """A prefix that no other lab has: that of this process, and a number."""
    return f"{PREFIX}-{os.getpid()}-{next(_numbers)}"


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Have this thread within a namespace: sockets made here stay there, programs started here run there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(_FOLDER / name, "rb") as there:
        _join(there.fileno())
        try:
            yield
        finally:
            _join(home.fileno())


def _join(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _NEW_NETWORK):  # os.setns is there from Python 3.12 on
        raise HostError(f"the lab cannot enter a network namespace: {os.strerror(ctypes.get_errno())}")


class Keeper:
    """Sees to it that namespaces are removed, even if this process is killed.

    A shell waits for the end of a pipe that this process holds open; then it ends what runs in the namespaces
    and removes them.  It has a session of its own, so that a Ctrl-C on the terminal does not reach it.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Begin to watch over namespaces that are still to be made."""
        self._shell = subprocess.Popen(  # noqa: S603 - a fixed script, and names made by this module
            ["/bin/sh", "-c", _REMOVE, "sh", *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Remove the namespaces now, and return when they are gone."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait()


def remove_leftovers() -> None:
    """Remove namespaces of labs whose process is gone without its keeper having done so."""
    names = sorted(entry.name for entry in _FOLDER.iterdir()) if _FOLDER.is_dir() else []
    stale = [name for name in names if (found := _NAME.fullmatch(name)) and not _is_alive(int(found[1]))]
    if stale:
        Keeper(stale).close()


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
