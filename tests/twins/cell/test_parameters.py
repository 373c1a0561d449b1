"""Cell files: the shipped ones are whole; a wrong one is refused with file, key and reason."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twins.cell import _cell, parameters
from twins.cell.parameters import HEAD
from twins.cell.reference import CellType

Maker = Callable[..., str]
SIZES = (40, 60, 90, 100, 160, 200, 260, 300, 400, 700, 1000)


def test_the_family_is_shipped() -> None:
    assert set(parameters.names()) >= {f"winston-lyp-{size}" for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
def test_every_value_has_a_source_and_both_windows_are_there(size: int) -> None:
    cell = parameters.load(f"winston-lyp-{size}")
    assert cell.capacity_Ah == size
    assert cell.window_V == {"practice": (2.5, 3.65), "sheet": (2.8, 4.0)}
    assert set(cell.entries) == {*parameters.SCALARS, *parameters.TABLES, *parameters.OPTIONAL}
    assert all(entry.source for entry in cell.entries.values())
    assert np.isfinite(cell.block).all()
    assert 0.02 < cell.entries["mass"].value / size < 0.045  # kg per Ah


OTHERS = ("lfp-280", "nmc-94", "lead-agm-100")
FULL_EQUIVALENTS_AT_25 = 0.828  # exponent of the law blast-lfp


@pytest.mark.parametrize("name", OTHERS)
def test_other_chemistries_have_a_source_for_every_value(name: str) -> None:
    cell = parameters.load(name)
    assert set(cell.window_V) == {"practice", "sheet"}
    assert all(entry.source.strip() for entry in cell.entries.values())
    lowest, highest = cell.window_V["practice"]
    ocv = cell.entries["ocv"].value
    assert lowest < ocv.min() + 0.4
    assert ocv.max() < highest + 0.25


def scalars(name: str) -> dict[str, float]:
    entries = parameters.load(name).entries
    return {key: float(entry.value) for key, entry in entries.items() if not entry.value.ndim}


def blast_cycles(full_equivalents: float, depth: float, c_rate: float) -> float:
    """NREL BLAST, prismatic LFP, 25 degC: part of the capacity lost to cycling."""
    per = (4.38e-8 + 1.55e-8 * depth + 1.68e-7 * c_rate) * (np.exp(2190 / 298.15) + np.exp(-1.55e5 / 298.15))
    return float(per * full_equivalents**FULL_EQUIVALENTS_AT_25)


def test_the_law_of_ageing_meets_the_makers_sheets() -> None:
    scale = scalars("winston-lyp-300")["cycle_scale"]
    assert scale * blast_cycles(0.8 * 5000, 0.8, 0.5) == pytest.approx(0.20, abs=0.01)
    assert scale * blast_cycles(0.8 * 8000, 0.8, 0.5) == pytest.approx(0.30, abs=0.02)
    assert scalars("lfp-280")["cycle_scale"] * blast_cycles(6000, 1.0, 0.5) == pytest.approx(0.20, abs=0.005)


def test_lead_acid_lives_as_its_sheet_says() -> None:
    lead = scalars("lead-agm-100")
    assert parameters.LAWS[int(lead["ageing"])] == "rated"
    cycles = {
        depth: lead["rated_cycles"] * (depth / lead["rated_depth"]) ** -lead["depth_exponent"]
        for depth in (0.8, 0.5, 0.3)
    }
    assert cycles == pytest.approx({0.8: 400, 0.5: 600, 0.3: 1500}, rel=0.3)


def test_lead_acid_gases_beyond_its_limit() -> None:
    lead = scalars("lead-agm-100")
    current = {
        volt: 100 * lead["side_rate"] * np.exp((volt - lead["side_voltage"]) / lead["side_slope"])
        for volt in (2.13, 2.25, 2.4)
    }
    assert current == pytest.approx({2.13: 0.017, 2.25: 0.11, 2.4: 1.08}, rel=0.05)


def heats_one_kelvin_a_second(name: str) -> float:
    """Temperature at which a cell heated slowly, losing nothing, warms itself by 1 K/s; its reactants go."""
    cell, left, celsius = scalars(name), np.ones(3), 60.0
    rate, activation, heat = (
        np.array([cell[f"{reaction}_{what}"] for reaction in parameters.REACTIONS])
        for what in ("rate", "activation", "heat")
    )
    for _ in range(500_000):
        burnt = left * -np.expm1(-rate * np.exp(-activation / (celsius + 273.15)))
        left -= burnt
        warming = float(burnt @ heat) / cell["specific_heat"]
        if warming >= 1.0:
            return celsius
        celsius += warming + (0.02 if warming < 3e-4 else 0.0)  # the heater stops once it heats itself
    raise AssertionError("it never runs away")


def test_lfp_runs_away_far_later_than_nmc() -> None:
    lfp, nmc = heats_one_kelvin_a_second("winston-lyp-100"), heats_one_kelvin_a_second("nmc-94")
    assert 230.0 < lfp < 270.0  # typical triggers: NMC 200-250 degC, LFP 230-270 degC
    assert 195.0 < nmc < 250.0
    assert lfp > nmc + 30.0


def test_larger_cells_of_the_family_inherit_what_is_not_electric() -> None:
    small, large = scalars("winston-lyp-100"), scalars("winston-lyp-700")
    assert large["self_discharge"] == small["self_discharge"] == pytest.approx(0.03 / (30 * 86400))
    assert large["ageing"] == small["ageing"]
    assert large["separator_short"] == pytest.approx(small["separator_short"] / 7)


def test_a_file_scales_what_it_takes_from_its_base() -> None:
    base, own = (parameters.load(f"winston-lyp-{size}").entries for size in (100, 400))
    assert own["r0"].value == pytest.approx(base["r0"].value / 4)
    assert own["loss"].value == pytest.approx(base["loss"].value * 4 ** (2 / 3))
    assert own["ocv"].value == pytest.approx(base["ocv"].value)
    assert own["r0"].source.startswith("scaled from winston-lyp-100: ")


def test_the_block_holds_the_points_of_the_file() -> None:
    cell = parameters.load("winston-lyp-100")
    points = _cell.GRID + 1
    ocv = cell.block[HEAD : HEAD + _cell.OCV_ROWS * points].reshape(-1, points)
    entry = cell.entries["ocv"]
    rows = np.linspace(entry.temperature_degC[0], entry.temperature_degC[-1], _cell.OCV_ROWS)
    for temperature, values in zip(entry.temperature_degC, entry.value, strict=True):
        row = int(np.flatnonzero(np.isclose(rows, temperature))[0])
        assert ocv[row][np.rint(entry.soc * _cell.GRID).astype(int)] == pytest.approx(values, abs=1e-5)


def test_the_plateau_is_where_it_was_measured() -> None:
    entry = parameters.load("winston-lyp-160").entries["ocv"]
    at_25 = entry.value[list(entry.temperature_degC).index(25.0)]
    assert np.interp(0.5, entry.soc, at_25) == pytest.approx(3.300, abs=0.005)
    assert np.interp(0.2, entry.soc, at_25) == pytest.approx(3.254, abs=0.005)
    assert np.interp(0.0, entry.soc, at_25) == pytest.approx(2.85, abs=0.02)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("unit = 'Ah'", "unit = 'mAh'", "capacity: the unit is 'mAh', must be Ah"),
        ("[capacity]\nvalue = 100.0", "[capacity]\nvalue = -1.0", "capacity: must be positive"),
        ("[capacity]\nvalue = 100.0", "[capacity]\nvalue = nan", "capacity: is not finite"),
        ("[capacity]\nvalue = 100.0", "[capacity]\nvalue = 'x'", "capacity: could not convert"),
        ("[capacity]\nvalue = 100.0\n", "[capacity]\n", "capacity: needs 'value'"),
        ("[capacity]", "[capacitance]", "capacitance: is not known; did you mean 'capacity'?"),
        ("[gamma]\nvalue = 60.0", "[gamma]\nvalues = 60.0", "gamma: 'values' is not known here"),
        ("value = 60.0\nunit = '1'\nsource = 'test'", "value = 60.0\nunit = '1'\nsource = ' '", "no source"),
        ("values = [[3.3, ", "values = [[3.9, ", "ocv: must rise with soc"),
        ("temperature = [25]", "temperature = [25, 5]", "ocv: temperature must rise"),
        ("temperature = [25]", "temperature = [5, 25]", "ocv: values have the shape (1, 2)"),
        ("[r0]\nsoc = [0, 1]", "[r0]\nsoc = [0, 2]", "r0: soc must rise from 0 to 1"),
        ("minimum = 2.5", "minimum = 4.5", "window.practice: needs minimum < maximum"),
        ("maximum = 3.65\n", "", "window.practice: needs 'maximum'"),
        ("[window.practice]", "[window.best]", "window.best: is not known"),
        ("[gamma]", "[gamma", "is not TOML"),
        ("[gamma]", "[ageing]\nvalue = 'x'\nsource = 't'\n[gamma]", "ageing: 'x' is not known; there are"),
        ("[gamma]", "[surface_share]\nvalue = 1.0\nunit = '1'\nsource = 't'\n[gamma]", "must be less than 1"),
        ("[gamma]", "[ageing]\nvalue = 'none'\n[gamma]", "ageing: must be a table of value and source"),
        ("[window.practice]", "base = 'none'\n[window.practice]", "base: must name a shipped cell"),
        ("values = [[3.3, ", "values = [[nan, ", "ocv: is not finite"),
        ("soc = [0, 1]\ntemperature", "soc = [0, nan, 1]\ntemperature", "ocv: soc must rise from 0 to 1"),
        ("temperature = [25]", "temperature = [nan]", "ocv: temperature must be -100 to 200"),
        ("temperature = [25]", "temperature = [298]", "must be -100 to 200 degC; is it in K?"),
        ("[capacity]\nvalue = 100.0", "[capacity]\nvalue = 1e6", "capacity: 1e+06 Ah is absurd"),
        ("values = [[3.3, ", "values = [[3.3, 3300.0]]#", "ocv: 3300 V is absurd, a cell has -1 to 25"),
        ("values = [0.001, 0.001]", "values = [1, 1]", "r0: would drop 100 V at the current of one hour"),
        ("values = [0.0, 0.0]", "values = [0.2, 0.2]", "entropic: 0.2 V/K is absurd"),
        ("value = 1000.0\nunit = 'J", "value = 1.0\nunit = 'J", "specific_heat: 1 J/(kg K) is absurd"),
        ("maximum = 3.65", "maximum = 2.6", "window.practice: 2.5 to 2.6 V is not where its ocv is"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(make_cell: Maker, old: str, new: str, said: str) -> None:
    path = Path(make_cell())
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{re.escape(said)}"):
        parameters.load(path)


def test_an_entry_that_is_no_table_is_refused(make_cell: Maker) -> None:
    path = Path(make_cell())
    path.write_text("mass = 3\n" + path.read_text("utf-8").replace("[mass]", "[[spare]]"), "utf-8")
    with pytest.raises(ValueError, match="spare: is not known"):
        parameters.load(path)
    path.write_text(path.read_text("utf-8").split("[[spare]]")[0], "utf-8")
    with pytest.raises(ValueError, match="mass: must be a table of value, unit and source"):
        parameters.load(path)


def test_a_missing_value_and_a_missing_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    with pytest.raises(ValueError, match=r"empty\.toml: cannot be read"):
        parameters.load(path)
    path.write_text("title = 'x'", "utf-8")
    with pytest.raises(ValueError, match="capacity: is missing"):
        parameters.load(path)


def test_a_misspelt_cell_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match="did you mean 'winston-lyp-160'"):
        parameters.load("winston-lpy-160")


def test_what_a_file_leaves_out_is_off() -> None:
    entries = parameters.load("winston-lyp-160").entries
    for key, (value, _) in parameters.OPTIONAL.items():
        if entries[key].source == parameters.OFF:
            assert entries[key].value == value


def test_an_optional_value_goes_to_its_place_in_the_block(make_cell: Maker) -> None:
    path = Path(make_cell())
    own = "[ageing]\nvalue = 'blast-lfp'\nsource = 'test'\n"
    own += "[anode_heat]\nvalue = 100.0\nunit = 'kJ/kg'\nsource = 'test'\n"
    own += "[separator_melts]\nvalue = 130.0\nunit = 'degC'\nsource = 'test'\n"
    own += "[self_discharge]\nvalue = 3.0\nunit = '%/month'\nsource = 'test'\n"
    path.write_text(own + path.read_text("utf-8"), "utf-8")
    kind = CellType.from_block(parameters.load(path).block)
    assert kind.ageing_law == 2.0
    assert kind.reaction_J == (0.0, 3.5 * 100e3, 0.0)
    assert kind.separator_degC == 130.0
    assert kind.leak_per_s == pytest.approx(0.03 / (30 * 86400))
