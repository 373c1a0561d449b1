"""The suite as such: it says what it does, covers the cases it has to, and asks of a BMS what that has."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

import hil.suite
from hil.report.matrix import titles
from hil.suite import conftest as suite_conftest
from hil.suite.protections import PROTECTIONS, contactors, family_of
from tests.hil.scripted import scripted_rig

MODULES = sorted(path.stem for path in Path(hil.suite.__file__).parent.glob("test_*.py"))
PAGE = Path(__file__).parents[3] / "docs" / "suite.md"
_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)


def all_tests():
    for module in MODULES:
        for name, function in vars(import_module(f"hil.suite.{module}")).items():
            if name.startswith("test_"):
                yield pytest.param(function, id=f"{module}::{name}")


def cases(function) -> set[int]:
    marks = list(getattr(function, "pytestmark", ()))
    for mark in list(marks):
        for parameter in mark.args[1:2] if mark.name == "parametrize" else ():
            marks += [m.mark for row in parameter for m in getattr(row, "marks", ())]
    return {number for mark in marks if mark.name == "case" for number in mark.args}


@pytest.mark.parametrize("function", list(all_tests()))
def test_each_says_what_the_bms_must_do(function):
    sentence = (inspect.getdoc(function) or "").splitlines()[0]
    assert sentence.endswith(".")
    assert cases(function)


def test_each_case_is_tested_or_has_a_reason():
    """The page about the suite has each case of the catalogue, with all its tests, or why there is none."""
    rows = {int(number): (title, tests) for number, title, tests in _ROW.findall(PAGE.read_text("utf-8"))}
    assert list(rows) == list(titles())
    tests_of = {number: set() for number in rows}
    for parameter in all_tests():
        for number in cases(parameter.values[0]):
            tests_of[number].add(parameter.values[0].__name__.removeprefix("test_"))
    for number, (title, tests) in rows.items():
        assert title == titles()[number]
        if tests_of[number]:
            assert set(re.findall(r"`(\w+)`", tests)) == tests_of[number], f"case {number}"
        else:
            assert tests.startswith("none: "), f"case {number}"


def test_each_protection_of_the_laptop_rig_has_its_limit(laptop):
    for name, protection in PROTECTIONS.items():
        limit = laptop.limits[name]
        rig, _, _ = scripted_rig(laptop)
        past = protection.past(rig, limit.threshold)
        assert (past > limit.threshold) is limit.above
        assert not protection.derates or protection.derates in laptop.roles


@pytest.mark.parametrize("name", PROTECTIONS)
def test_provoking_a_protection_makes_the_bms_measure_it(laptop, name):
    """The rig sends the value that the BMS is to judge, and the true one again afterwards."""
    protection = PROTECTIONS[name]
    rig, world, _ = scripted_rig(laptop)
    rig.run_for("600 ms")
    before = sum(world.read(port) for port in world.plant.ports if port.startswith("cell_monitor.voltage"))
    with protection.provoke(rig, protection.past(rig, rig.limits[name].threshold)) as stimulus:
        rig.on_wire(stimulus)
    after = sum(world.read(port) for port in world.plant.ports if port.startswith("cell_monitor.voltage"))
    assert after == pytest.approx(before, abs=0.1)


def test_contactors_that_the_bms_does_not_show_are_not_asked_for(small, laptop):
    assert contactors(scripted_rig(small)[0]) == ["main_plus"]
    assert contactors(scripted_rig(laptop)[0]) == ["main_plus", "main_minus", "precharge"]


@pytest.mark.parametrize(
    ("message", "family"),
    [("CM_Voltages_07", "CM_Voltages"), ("IVT_Voltage1", "IVT_Voltage"), ("JB_Status", "JB_Status")],
)
def test_families_of_messages(message, family):
    assert family_of(message) == family


def test_a_rig_file_that_makes_no_test_of_a_kind_says_so():
    """Of a BMS without a time-out of frames, pytest said: got empty parameter set."""
    made = []

    class Metafunc:
        fixturenames = ("family", "cell")
        config = SimpleNamespace(stash={})

        def parametrize(self, name, parameters):
            made.extend((name, *parameter.values, parameter.id, *parameter.marks) for parameter in parameters)

    suite_conftest.pytest_generate_tests(Metafunc())
    assert [(name, value, id_) for name, value, id_, _ in made] == [
        ("cell", None, "no-cell"),
        ("family", None, "no-family"),
    ]
    assert all("the rig file" in mark.kwargs["reason"] for *_, mark in made)
