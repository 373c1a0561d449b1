"""The drawing is well-formed and shows series, states, limits, marks and the deadline."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hil.report import plot
from hil.report.record import Event


@pytest.fixture
def checked(events: list[Event]) -> Event:
    """A plot and the instant of its stimulus."""
    drawing = next(e["plot"] for e in events if e["event"] == "plot")
    return {"plot": drawing, "stimulus_ns": drawing["marks"][0]["t_ns"]}


def words(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter("text")]


def test_shows_all_there_is(checked: Event) -> None:
    zero = checked["stimulus_ns"]
    found = words(plot.draw(checked["plot"], zero, [zero + 500_000_000, zero + 600_000_000]))
    for text in ("fault flag", "state", "operate", "fault", "closed", "open", "open 3.65 V"):
        assert text in found
    for text in ("stimulus", "flag", "command", "limit 500 ms", "limit 600 ms", "ms", "V", "0", "200", "600"):
        assert text in found
    assert f"0 = {zero / 1e9:.6f} s of bus time" in found


def test_a_unit_stands_beside_its_panel_and_not_on_the_traces(checked: Event) -> None:
    root = ET.fromstring(plot.draw(checked["plot"], checked["stimulus_ns"]))
    (unit,) = (node for node in root.iter("text") if node.text == "V")
    frame = next(node for node in root.iter("rect") if node.get("class") == "fr")
    assert float(unit.get("x", "")) > float(frame.get("x", "")) + float(frame.get("width", ""))


def test_coordinates_stay_on_the_sheet(checked: Event) -> None:
    root = ET.fromstring(plot.draw(checked["plot"], checked["stimulus_ns"]))
    width, height = map(float, root.get("viewBox", "").split()[2:])
    for node in root.iter("rect"):
        x, y, w, h = (float(node.get(key, "")) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


@pytest.mark.parametrize(
    "change",
    [
        {"series": []},
        {"marks": [], "limits": []},
        {"to_ns": 0},
        {"series": [{"label": "<b>", "kind": "?", "unit": "V", "steps": False, "names": None,
                     "t_ns": [0, 1], "v": [None, None]}]},
        {"series": [{"label": "flag", "kind": "reaction", "unit": "", "steps": True, "names": None,
                     "t_ns": [0, 1], "v": [False, True]}], "from_ns": 0, "to_ns": 3},
    ],
)  # fmt: skip
def test_odd_plots_are_drawn(checked: Event, change: dict[str, Any]) -> None:
    svg = plot.draw(checked["plot"] | change)
    assert ET.fromstring(svg).get("role") == "img"
    assert "nan" not in svg


def test_bits_without_names_are_a_lane() -> None:
    series = {"label": "bit", "unit": "", "steps": True, "names": None, "t_ns": [0, 5], "v": [0, 1]}
    svg = plot.draw({"from_ns": 0, "to_ns": 10, "series": [series]})
    assert svg.count('class="bd ') == 2
    assert {"0", "1", "bit"} <= set(words(svg))


@pytest.mark.parametrize(("span_s", "unit"), [(1, "ms"), (60, "s"), (3600, "min"), (100_000, "h")])
def test_unit_of_the_time_axis(span_s: int, unit: str) -> None:
    svg = plot.draw({"from_ns": 0, "to_ns": span_s * 10**9, "series": []})
    assert unit in words(svg)


def test_the_unit_of_time_is_not_cut_off(checked: Event) -> None:
    """The ``min`` of a plot of 40 minutes lost its last letter."""
    minutes = {"from_ns": 0, "to_ns": 40 * 60 * 10**9, "series": [], "marks": [], "limits": []}
    root = ET.fromstring(plot.draw(checked["plot"] | minutes))
    unit = next(node for node in root.iter("text") if node.text == "min")
    assert float(unit.get("x", "")) + 8 * len("min") <= plot.WIDTH
