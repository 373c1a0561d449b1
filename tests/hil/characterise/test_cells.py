"""Cells of the reference BMS: what is found from outside is what the firmware's own table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from hil.characterise.answer import characterise
from hil.characterise.compare import compare
from hil.characterise.measure import Times
from hil.characterise.sheet import Characteristic, Sheet
from hil.characterise.stimulus import CELLS, levers
from hil.characterise.survey import survey
from hil.characterise.trial import Bench
from hil.clock import NS_PER_S
from hil.mutants.build import Workshop, compiler
from hil.mutants.mutant import catalogue
from hil.rig.schema import RigConfig
from hil.rig.shipped import shipped_sources

_PATIENCE_NS = NS_PER_S
_LSB_V = 0.001


Find = Callable[[str], Characteristic]


@pytest.fixture(scope="module")
def find(laptop: RigConfig) -> Find:
    """Finds out all about an answer to cell 49, and whether two other cells are answered alike; once each."""

    @cache
    def found(role: str) -> Characteristic:
        return _found(laptop, role)

    return found


def _found(rig: RigConfig, role: str) -> Characteristic:
    bench = Bench(rig)
    bench.states()
    cells = levers(bench.config, bench.ports)[CELLS]
    (heard,) = survey(bench, cells[48], "operate", [role], _PATIENCE_NS)
    found = characterise(bench, Times(_PATIENCE_NS), heard, [cells[0], cells[95]])
    assert found is not None
    return found


def _config(name: str) -> list[int | None]:
    """Warning, opening and release level in mV, and delay in ms, as the firmware's config.c has them."""
    (source,) = (path for path in shipped_sources() if path.name == "config.c")
    row = re.search(rf"\[FAULT_{name.upper()}\]\s*=\s*\{{(.*?)\}}", source.read_text("utf-8"))
    assert row is not None
    cells = [cell.strip().replace("MARGIN", "30") for cell in row[1].split(",")]
    warn, _, opens, release, delay = (
        None if cell == "NO_LEVEL" else sum(int(n) for n in cell.replace("- ", "+-").split("+") if n)
        for cell in cells[:5]
    )
    return [warn, opens, release, delay]


@pytest.mark.parametrize("name", ["cell_overvoltage", "cell_undervoltage"])
def test_levels_are_those_of_the_firmware(find: Find, laptop: RigConfig, name: str) -> None:
    warn, opens, release, _ = _config(name)
    limit = laptop.limits[name]
    fault, warning = find(f"fault.{name}"), find(f"warning.{name}")
    for one, level, promised in (
        (fault, opens, limit.threshold),
        (warning, warn, limit.numbers["warning"]),
    ):
        (stage,) = one.stages
        assert level is not None
        assert stage.level.holds == pytest.approx(level / 1000)
        assert abs(stage.level.acts - level / 1000) == pytest.approx(_LSB_V)
        assert stage.level.holds == pytest.approx(promised)
        assert release is not None
        assert one.clearing.clears == pytest.approx(release / 1000)
        assert one.clearing.stays == pytest.approx(release / 1000, abs=1.01 * _LSB_V)
        assert one.clearing.clears != one.clearing.stays


@pytest.mark.parametrize("name", ["cell_overvoltage", "cell_undervoltage", "deep_discharge"])
def test_times_are_those_of_the_firmware_within_a_cycle(find: Find, name: str) -> None:
    delay_s = (_config(name)[3] or 0) / 1000
    one = find(f"fault.{name}")
    (stage,) = one.stages
    assert stage.reaction.median == pytest.approx(delay_s, abs=one.cycle)
    assert stage.debounce is not None
    assert stage.debounce.high is not None
    assert stage.debounce.low < delay_s <= stage.debounce.high
    assert stage.debounce.high - stage.debounce.low == pytest.approx(one.cycle)


@pytest.mark.parametrize(
    ("role", "by"),
    [
        ("fault.cell_overvoltage", "reset in standby"),
        ("fault.cell_undervoltage", "reset in standby"),
        ("fault.deep_discharge", "cold start"),  # a power cycle is not enough
        ("warning.cell_overvoltage", "itself"),
    ],
)
def test_which_answers_are_latched_and_the_other_cells_alike(find: Find, role: str, by: str) -> None:
    found = find(role)
    assert found.clearing.by == by
    assert [place.which for place in found.places] == ["1, 49, 96"]


def test_the_tool_knows_no_limits(laptop: RigConfig) -> None:
    assert laptop.limits
    assert Bench(laptop).config.limits == {}


@pytest.mark.skipif(compiler() is None, reason="no C compiler on this machine")
@pytest.mark.parametrize(
    ("bug", "said"),
    [
        ("cell overvoltage trips 10 mV late", "level: 3.651 V → 3.661 V (+0.010 V)"),
        ("overvoltage released at once below its threshold", "clears from: 3.450 V → 3.649 V"),
        ("a fault goes with its cause", "cleared by: reset in standby → itself"),
    ],
)
def test_a_firmware_with_a_bug_is_told_by_what_the_bug_changes(
    find: Find, laptop: RigConfig, tmp_path: Path, bug: str, said: str
) -> None:
    role = "fault.cell_overvoltage"
    (mutant,) = (one for one in catalogue() if one.name == bug)
    (tmp_path / "broken").mkdir()
    library = Workshop(tmp_path / "unbroken").build(mutant, tmp_path / "broken")
    new = _found(replace(laptop, bms=replace(laptop.bms, library=library)), role)
    changes = compare(Sheet({}, [find(role)]), Sheet({}, [new]))
    assert [str(change) for change in changes] == [f"{role}, cell voltage rising: {said}"]
