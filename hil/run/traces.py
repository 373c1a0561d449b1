"""The bus traces that the first line of a record names; a run may do without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.report.record import Event

KINDS = ("blf", "asc", "log")
NONE = "none"  # for runs of thousands of tests, each of which its seed gives again
CHOICES = (*KINDS, NONE)


def trace_of(kind: str) -> dict[str, str]:
    """What a record says among its paths of a trace of this kind."""
    return {} if kind == NONE else {"trace": f"trace.{kind}"}


def traces_of(run: Event, folder: str = "") -> list[str]:
    """The traces that the first line of a record names.

    Args:
        run: That line.
        folder: Where the record is, as seen from the folder of the whole.
    """
    traces: str = run["paths"].get("trace", "")
    return [f"{folder}/{name}" if folder else name for name in traces.split(", ") if name]


def with_traces(run: Event, traces: Sequence[str]) -> Event:
    """The same line with these traces in place of its own."""
    paths = {key: value for key, value in run["paths"].items() if key != "trace"}
    return {**run, "paths": {**paths, "trace": ", ".join(traces)} if traces else paths}
