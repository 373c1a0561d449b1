"""How the rig itself was in a run in real time: one line, a plot over the tests, what exceeded its budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from hil.clock import NS_PER_MS
from hil.report import plot
from hil.report.record import Event
from hil.report.results import Results
from hil.report.text import duration, percent

_NEAR = 0.5  # a limit is drawn where a trace comes nearer to it than that
_KEPT = {"0": "kept", "1": "exceeded"}
_LOST = ("overruns", "refused", "unconfirmed")

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Beyond:
    """A try of a test in which the rig was beyond its budget.

    Attributes:
        test: Its node id.
        reasons: In sentences.
    """

    test: str
    reasons: Sequence[str]


@dataclass(frozen=True)
class Health:
    """What the report shows of it.

    Attributes:
        line: All of it in one sentence.
        drawing: Over the tests, in the order of the run.
        beyond: What counted for nothing, and why.
    """

    line: str
    drawing: Markup
    beyond: Sequence[Beyond]


def health_of(results: Results) -> Health | None:
    """The health of a run; ``None`` of one in virtual time, which is never late."""
    events = results.health
    if not events:
        return None
    budget = results.info.get("budget") or {}
    beyond = [Beyond(event["test"], event["beyond"]) for event in events if event["beyond"]]
    return Health("; ".join(_parts(events, budget)), plot.draw(_drawing(events, budget), 0), beyond)


def _parts(events: Sequence[Event], budget: Numbers) -> Iterator[str]:
    """The line, the worst of all tests first."""
    frames, steps = _sum(events, "frames"), _sum(events, "steps")
    late = f"latest frame {_worst(events, 'frames', 'max_ns')} after its slot"
    yield late + _allowed(budget, "frame_late_ns") + f", 99 % within {_worst(events, 'frames', 'p99_ns')}"
    yield f"{frames['missed']} of {frames['missed'] + frames['count']} slots left out"
    step = f"latest step of the twins {_worst(events, 'steps', 'max_ns')} late"
    yield step + _allowed(budget, "step_late_ns") + f", {steps['missed']} missed"
    lost = sum(_of_buses(event, *_LOST) for event in events) + sum(event.get("lost") or 0 for event in events)
    errors = sum(_of_buses(event, "errors") for event in events)
    yield f"frames lost: {lost}, error frames: {errors}"
    for name in events[0]["buses"]:
        load = max(event["buses"][name]["load"] for event in events if name in event["buses"])
        yield f"bus {name} up to {percent(load)} full"
    yield f"up to {percent(max(event['cpu'] for event in events))} of a processor"
    yield f"{sum(bool(event['beyond']) for event in events)} of {len(events)} tries beyond the budget"


def _sum(events: Sequence[Event], what: str) -> dict[str, int]:
    return {key: sum(event[what][key] for event in events) for key in ("count", "missed")}


def _worst(events: Sequence[Event], what: str, key: str) -> str:
    return duration(max(event[what][key] for event in events))


def _allowed(budget: Numbers, key: str) -> str:
    return f" ({duration(budget[key])} allowed)" if key in budget else ""


def _of_buses(event: Event, *keys: str) -> int:
    return sum(bus.get(key) or 0 for bus in event["buses"].values() for key in keys)


def _drawing(events: Sequence[Event], budget: Numbers) -> dict[str, Any]:
    """A plot as records have them: each try as long as it took, one after the other."""
    ends = list(accumulate(event["to_ns"] - event["from_ns"] for event in events))
    starts = [0, *ends[:-1]]
    traces: list[tuple[str, str, str, Callable[[Event], float]]] = [
        ("latest frame", "ms", "reaction", lambda event: event["frames"]["max_ns"] / NS_PER_MS),
        ("99 % of the frames", "ms", "truth", lambda event: event["frames"]["p99_ns"] / NS_PER_MS),
        ("latest step of the twins", "ms", "stimulus", lambda event: event["steps"]["max_ns"] / NS_PER_MS),
        *((f"bus {name}", "%", "reaction", _load(name)) for name in events[0]["buses"]),
        ("processor", "%", "truth", lambda event: 100 * event["cpu"]),
    ]
    series = [_series(label, unit, kind, starts, [of(event) for event in events], ends[-1])
              for label, unit, kind, of in traces]  # fmt: skip
    exceeded = [float(bool(event["beyond"])) for event in events]
    series.append(_series("budget", "", "reaction", starts, exceeded, ends[-1]) | {"names": _KEPT})
    axis = {"since": "tests, one after the other", "zero": f"{len(events)} tries"}
    limits = list(_limits(series, budget))
    return {"from_ns": 0, "to_ns": ends[-1], "series": series, "limits": limits, "axis": axis}


def _load(bus: str) -> Callable[[Event], float]:
    return lambda event: 100 * float(event["buses"].get(bus, {}).get("load") or 0.0)


def _series(
    label: str, unit: str, kind: str, starts: Sequence[int], values: Sequence[float], end_ns: int
) -> dict[str, Any]:
    times, held = [*starts, end_ns], [*values, values[-1]]
    return {"label": label, "unit": unit, "kind": kind, "steps": True, "t_ns": times, "v": held}


def _limits(series: Sequence[Numbers], budget: Numbers) -> Iterator[dict[str, Any]]:
    """The budget's lines that a trace comes near to; the others would press all traces flat."""
    highest = {one["label"]: max(one["v"]) for one in series}
    for label, key in (("latest frame", "frame_late_ns"), ("latest step of the twins", "step_late_ns")):
        limit = budget.get(key, 0) / NS_PER_MS
        if limit and highest[label] > _NEAR * limit:
            yield {"label": f"{label}: {limit:g} ms", "value": limit, "unit": "ms"}
