"""The page of a run: its summary and its traces, one HTML file that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from hil.report import plot
from hil.report.page import environment
from hil.sim.scenario import Panel, Trace
from hil.sim.words import amount, clock

if TYPE_CHECKING:
    from hil.sim.battery import Battery
    from hil.sim.scenario import Scenario
    from hil.sim.table import Table

_TILES = (
    "time",
    "without supply",
    "peak of the grid",
    "distance",
    "range",
    "energy out",
    "energy in",
    "hottest cell",
)


def standard_panels(table: Table, battery: Battery) -> list[Panel]:
    """What every battery shows."""
    single = battery.pack.cells == 1
    panels = [
        Panel("current", "A", [Trace("current, > 0 discharges", table["current"])]),
        Panel("power", "kW", [Trace("power", table["power"] * 1e-3)]),
    ]
    if not single:
        panels.append(Panel("pack", "V", [Trace("voltage of the pack", table["voltage"])]))
    cells = [Trace("lowest cell", table["cell_min"]), Trace("highest cell", table["cell_max"])]
    warmth = [
        Trace("coldest cell", table["temperature_min"]),
        Trace("hottest cell", table["temperature_max"]),
    ]
    return [
        *panels,
        Panel("cells", "V", [Trace("voltage", table["voltage"])] if single else cells, _near(table, battery)),
        Panel("state of charge", "%", [Trace("state of charge", table["soc"])]),
        Panel("temperature", "degC", warmth[1:] if single else warmth),
    ]


def _near(table: Table, battery: Battery) -> list[tuple[str, float]]:
    """Ends of the window that the cells came near."""
    low, high = battery.low_V, battery.high_V
    near = (high - low) * 0.15
    limits = []
    if table["cell_max"].max() > high - near:
        limits.append((f"{high:g} V", high))
    if table["cell_min"].min() < low + near:
        limits.append((f"{low:g} V", low))
    return limits


def render(scenario: Scenario, *, ended: str) -> str:
    """The page.

    Args:
        scenario: After its run.
        ended: Why it ended before its time; empty if it did not.
    """
    figures = scenario.summary()
    drawn = scenario.panels() if scenario.table.rows else ()
    page = _environment().get_template("page.html")
    return page.render(
        title=scenario.title,
        facts=scenario.facts(),
        figures=figures,
        tiles=[figure for label in _TILES for figure in figures if figure.label == label][:4],
        ended=ended,
        plot=plot.draw(_drawing(scenario.table, drawn)) if drawn else "",
        columns=[column.header for column in scenario.table.columns],
        rows=scenario.table.rows,
    )


def _environment() -> Environment:
    made = environment("sim")
    made.filters.update(amount=_amount, clock=clock)
    return made


def _amount(value: float | str, unit: str) -> str:
    return clock(float(value)) if unit == "s" else amount(value, unit).replace("-", "−")


def _drawing(table: Table, panels: Sequence[Panel]) -> Mapping[str, Any]:
    """As `hil.report.plot` takes it."""
    times_ns = [round(t * 1e9) for t in table["time"].tolist()]
    series = [
        {
            "panel": panel.name,
            "label": trace.label,
            "unit": panel.unit,
            "kind": trace.kind,
            "names": panel.names,
            "steps": bool(panel.names),
            "t_ns": times_ns,
            "v": trace.values.tolist(),
        }
        for panel in panels
        for trace in panel.traces
    ]
    limits = [
        {"panel": panel.name, "unit": panel.unit, "label": label, "value": value}
        for panel in panels
        for label, value in panel.limits
    ]
    axis = {"since": "after the start", "zero": ""}
    return {"from_ns": 0, "to_ns": times_ns[-1], "series": series, "limits": limits, "axis": axis}
