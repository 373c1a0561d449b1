"""The machines' figures: asked of the twins, and the page holds what they answer."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from hil.sim.machines import Answer, Comparison, Question, compare, markdown, questions, row, say

PAGE = Path(__file__).parents[3] / "docs" / "machines.md"
QUICK = {("XE20", "60 % charged"), ("XE20", "energy of the pack"), ("nmc-94", "hottest in an oven of 130 °C")}


def question(published: float | None, unit: str = "km") -> Question:
    return Question("m", "range", published, unit, lambda: Answer(80.0), "steady", "somewhere")


@pytest.mark.parametrize(
    ("published", "twin", "difference"),
    [(100.0, 80.0, "−20 %"), (80.0, 100.0, "+25 %"), (100.0, inf, "never"), (None, 80.0, "")],
)
def test_differences_are_told(published: float | None, twin: float, difference: str) -> None:
    assert Comparison(question(published), Answer(twin)).difference == difference


def test_a_row() -> None:
    assert row(compare(question(100.0))) == "| m | range | 100 km | 80 km | −20 % | steady | somewhere |\n"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(None, "km", "–"), (inf, "s", "never"), (3600.0, "s", "1:00:00 h"), (5980.0, "cycles", "5,980 cycles")],
)
def test_how_figures_are_written(value: float | None, unit: str, said: str) -> None:
    assert say(value, unit) == said


def test_every_preset_is_asked() -> None:
    from twins import vehicle

    asked = {one.machine for one in questions()}
    titles = {vehicle.load(name).title for name in vehicle.names()}
    special = {"XE20": "xe20", "E30": "e30", "Mule M150": "m150", "RV": "rv"}
    named = {vehicle.load(name).title for name in special.values()}
    assert titles - named - asked <= {vehicle.load("hybrid-bus").title}  # its range is its generator's
    assert set(special) <= asked


def test_the_page_has_every_question() -> None:
    text = PAGE.read_text("utf-8")
    for one in questions():
        assert f"\n| {one.machine} | {one.figure} | {say(one.published, one.unit)} |" in text


@pytest.mark.parametrize("key", sorted(QUICK), ids="-".join)
def test_the_page_says_what_the_twin_says(key: tuple[str, str]) -> None:
    (one,) = (one for one in questions() if (one.machine, one.figure) == key)
    assert row(compare(one)) in PAGE.read_text("utf-8")


def test_a_table() -> None:
    table = markdown([compare(question(100.0))]).splitlines()
    assert table[0].count("|") == table[1].count("|") == table[2].count("|") == 8
