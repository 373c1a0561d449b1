"""Cells of the reference BMS: what is found from outside is what the firmware's own table says."""

from __future__ import annotations

import re

import pytest

from hil.characterise.answer import characterise
from hil.characterise.measure import Times
from hil.characterise.sheet import Characteristic
from hil.characterise.stimulus import CELLS, levers
from hil.characterise.survey import survey
from hil.characterise.trial import Bench, roles_of
from hil.clock import NS_PER_S
from hil.rig.schema import RigConfig
from hil.rig.shipped import shipped_sources

_PATIENCE_NS = 2 * NS_PER_S
_LSB_V = 0.001


@pytest.fixture(scope="module")
def found(laptop: RigConfig) -> dict[str, Characteristic]:
    """What cell 49 is answered by, by role; of two other cells as well."""
    bench = Bench(laptop)
    bench.states()
    cells = levers(bench.config, bench.ports)[CELLS]
    roles = roles_of(laptop.roles, "fault", "warning")
    heard = list(survey(bench, cells[48], "operate", roles, _PATIENCE_NS))
    times = Times(_PATIENCE_NS)
    return {
        one.role: one
        for one in (characterise(bench, times, answer, [cells[0], cells[95]]) for answer in heard)
        if one is not None
    }


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
def test_levels_are_those_of_the_firmware(
    found: dict[str, Characteristic], laptop: RigConfig, name: str
) -> None:
    warn, opens, release, _ = _config(name)
    limit = laptop.limits[name]
    fault, warning = found[f"fault.{name}"], found[f"warning.{name}"]
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
def test_times_are_those_of_the_firmware_within_a_cycle(found: dict[str, Characteristic], name: str) -> None:
    delay_s = (_config(name)[3] or 0) / 1000
    one = found[f"fault.{name}"]
    (stage,) = one.stages
    assert stage.reaction.median == pytest.approx(delay_s, abs=one.cycle)
    assert stage.debounce is not None
    assert stage.debounce.high is not None
    assert stage.debounce.low < delay_s <= stage.debounce.high
    assert stage.debounce.high - stage.debounce.low == pytest.approx(one.cycle)


def test_which_answers_are_latched(found: dict[str, Characteristic]) -> None:
    assert {role: one.clearing.by for role, one in found.items()} == {
        "fault.cell_overvoltage": "reset in standby",
        "fault.cell_undervoltage": "reset in standby",
        "fault.deep_discharge": "cold start",  # a power cycle is not enough
        "warning.cell_overvoltage": "itself",
        "warning.cell_undervoltage": "itself",
    }


def test_the_other_cells_are_answered_alike(found: dict[str, Characteristic]) -> None:
    for one in found.values():
        assert [place.which for place in one.places] == ["1, 49, 96"]


def test_the_tool_knows_no_limits(laptop: RigConfig) -> None:
    assert laptop.limits
    assert Bench(laptop).config.limits == {}
