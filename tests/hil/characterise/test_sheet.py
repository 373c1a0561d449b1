"""A sheet as JSON and as a page, and what two of them say of a new firmware."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.characterise.compare import compare
from hil.characterise.page import render
from hil.characterise.sheet import (
    Characteristic,
    Clearing,
    Curve,
    Left,
    Level,
    Place,
    Reaction,
    Sheet,
    Span,
    Stage,
    as_json,
    read,
)
from hil.characterise.words import one_line
from hil.errors import UsageError

_REACTION = Reaction(0.463, 0.464, 0.465, 0.04, 3)
_STAGE = Stage(
    Level(3.65, 3.651), _REACTION, _REACTION, Span(0.4, 0.5), Span(0.1, 0.2), ("fault.pack_overvoltage",)
)
_TRIP = Characteristic(
    "fault.cell_overvoltage",
    "cell voltage",
    "cell 49",
    "rising",
    "V",
    0.001,
    0.1,
    "operate",
    (_STAGE,),
    Clearing("reset in standby", 3.45, 3.451),
    {"operate": True, "charge": True},
    (Place("1-96", Level(3.65, 3.651)),),
    ((3.651, 0.464), (5.0, 0.463)),
)
_CURVE = Curve(
    "limit.charge_current",
    "cell voltage",
    "rising",
    "V",
    "A",
    "standby",
    160.0,
    ((3.3, 160.0), (3.6, 160.0), (3.65, 0.0)),
    Level(3.6, 3.601),
    Level(3.649, 3.65),
    0.0,
)
_FACTS = {"rig": "laptop", "title": "A <BMS>", "firmware": "x.so", "firmware_sha256": "0" * 64}


def _sheet(*found: Characteristic, curves: tuple[Curve, ...] = (_CURVE,), complete: bool = True) -> Sheet:
    return Sheet(dict(_FACTS), list(found), list(curves), [Left("fault.internal", "nothing did")], complete)


def _staged(**changed: object) -> Characteristic:
    stage = replace(_STAGE, **changed)  # type: ignore[arg-type]
    return replace(_TRIP, stages=(stage,), places=(Place("1-96", stage.level),))


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "characteristic.json"
    path.write_text(as_json(_sheet(_TRIP)), "utf-8")
    assert read(path) == _sheet(_TRIP)
    assert compare(read(path), _sheet(_TRIP)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "its format is None"),
        ('{"format": "hil characteristic sheet 1", "facts": 3}', "facts: Input should be a valid dict"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_sheet_is_told(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (
            _staged(level=Level(3.66, 3.661)),
            "fault.cell_overvoltage, cell voltage rising: level: 3.651 V → 3.661 V (+0.010 V)",
        ),
        (
            _staged(level=Level(3.644, 3.645)),
            "fault.cell_overvoltage, cell voltage rising: level: 3.651 V → 3.645 V (-0.006 V)",
        ),
        (
            _staged(reaction=Reaction(1.403, 1.404, 1.405, 0.04, 3)),
            "fault.cell_overvoltage, cell voltage rising: delay: 464 ms → 1404 ms (+940 ms)",
        ),
        (
            _staged(debounce=Span(1.4, 1.5)),
            "fault.cell_overvoltage, cell voltage rising: shortest pulse: 400 to 500 ms → 1400 to 1500 ms",
        ),
        (
            replace(_TRIP, clearing=Clearing("itself", 3.45, 3.451, 0.1)),
            "fault.cell_overvoltage, cell voltage rising: cleared by: reset in standby → itself",
        ),
        (
            replace(_TRIP, clearing=Clearing("reset in standby", 3.65)),
            "fault.cell_overvoltage, cell voltage rising: clears from: 3.450 V → 3.650 V",
        ),
        (
            replace(_TRIP, active={"operate": True, "charge": False}),
            "fault.cell_overvoltage, cell voltage rising: in charge: answered → not answered",
        ),
        (
            replace(_TRIP, places=(Place("1-95", Level(3.65, 3.651)), Place("96", None))),
            "fault.cell_overvoltage, cell voltage rising: at 96: as the others → not answered",
        ),
    ],
)
def test_a_change_is_named_and_nothing_else(new: Characteristic, said: str) -> None:
    assert [str(change) for change in compare(_sheet(_TRIP), _sheet(new))] == [said]


def test_times_that_overlap_are_no_change() -> None:
    assert compare(_sheet(_TRIP), _sheet(_staged(reaction=Reaction(0.464, 0.466, 0.470, 0.04, 3)))) == []


def test_a_new_stage_is_told_with_all_stages() -> None:
    slow = replace(_STAGE, level=Level(3.6, 3.601), reaction=Reaction(4.9, 4.9, 4.9, 0.04, 3))
    new = replace(_TRIP, stages=(slow, _STAGE), places=(Place("1-96", slow.level),))
    (change,) = compare(_sheet(_TRIP), _sheet(new))
    assert (change.old, change.new) == ("3.651 V after 464 ms", "3.601 V after 4900 ms, 3.651 V after 464 ms")


def test_what_is_gone_is_told_only_where_it_was_looked_for() -> None:
    (change,) = compare(_sheet(_TRIP), _sheet())
    assert (change.old, change.new) == ("3.651 V after 464 ms", "")
    assert compare(_sheet(_TRIP), _sheet(complete=False)) == []
    partly = _sheet()
    partly.facts["only"] = ["current"]
    assert compare(_sheet(_TRIP), partly) == []


def test_a_derating_that_has_moved_is_told() -> None:
    moved = replace(_CURVE, begins=Level(3.58, 3.581))
    (change,) = compare(_sheet(), _sheet(curves=(moved,)))
    assert str(change) == "limit.charge_current over cell voltage rising: begins to fall: 3.6 V → 3.58 V"


def test_the_page_says_it_all_and_escapes() -> None:
    changes = compare(_sheet(_TRIP), _sheet(_staged(level=Level(3.66, 3.661))))
    page = render(_sheet(_TRIP), changes)
    for words in (
        "A &lt;BMS&gt;",
        "3.651 V",
        "400 to 500 ms",
        "+0.010 V",
        "fault.internal",
        "160 A up to 3.6 V",
    ):
        assert words in page
    assert page.count('<svg class="plot"') == 2
    assert "not finished" not in page
    assert "not finished" in render(_sheet(_TRIP, complete=False))


def test_one_line_says_what_matters() -> None:
    assert one_line(_TRIP) == (
        "fault.cell_overvoltage: cell voltage rising: 3.651 V after 464 ms; "
        "latched; reset in standby from 3.450 V"
    )
    assert one_line(_CURVE).endswith("160 A up to 3.6 V, 0 A from 3.65 V")
