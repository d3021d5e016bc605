"""A chain that shows itself: printed, in a notebook, as a table.  Each way of showing loads when it is used."""

from __future__ import annotations

from typing import Any

from dsflow.trace.chain import Chain

__all__ = ["PresentedChain"]


class PresentedChain(Chain):
    """What a simulation answers with.

    >>> import dsflow
    >>> chain = dsflow.load("two-pods").trace("pod/default/client", "pod/default/server", family=6, tcp=80)
    >>> print(str(chain).splitlines()[2])
    delivered, and the answer came back
    """

    def to_frame(self) -> Any:
        """A pandas DataFrame with a row for every hop.

        Raises
        ------
        HostError
            Where pandas is not installed: ``pip install 'dsflow[pandas]'``.
        """
        from dsflow.trace.frame import hops_frame

        return hops_frame(self)

    def __str__(self) -> str:
        from dsflow.trace.text import chain_text

        return chain_text(self)

    def _repr_html_(self) -> str:
        from dsflow.trace.markup import chain_html

        return chain_html(self)
