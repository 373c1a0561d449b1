"""The characteristic sheet as one HTML file with nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from markupsafe import Markup

from hil.characterise import picture, words
from hil.characterise.compare import Change
from hil.characterise.sheet import Characteristic, Sheet
from hil.report.page import environment


def render(sheet: Sheet, changes: list[Change] | None = None) -> str:
    """The page.

    Args:
        sheet: What was found.
        changes: What is not as in the sheet that it is compared with; ``None``: it is not.
    """
    levels = [one for one in sheet.characteristics if one.direction]
    made = environment("characterise")
    made.filters.update(select_active=_active)
    return made.get_template("sheet.html").render(
        facts=sheet.facts,
        complete=sheet.complete,
        changes=changes,
        levels=[(one, _rows(one), words.ends(one)) for one in levels],
        switches=[(one, _rows(one), words.ends(one)) for one in sheet.characteristics if not one.direction],
        pictures=_pictures(levels),
        curves=[(one, picture.advertised(one)) for one in sheet.curves],
        left=sheet.left,
    )


def _rows(one: Characteristic) -> list[dict[str, str]]:
    """One row per stage."""
    return [
        {
            "level": f"{words.number(stage.level.acts, one.lsb)} {one.unit}".rstrip(),
            "holds": f"{words.number(stage.level.holds, one.lsb)} {one.unit}".rstrip(),
            "delay": words.milliseconds(stage.reaction.median),
            "unsure": f"{stage.reaction.uncertainty * 1e3:.0f}",
            "opens": words.milliseconds(stage.opens.median) if stage.opens else "–",
            "company": ", ".join(stage.company),
            "pulse": words.span(stage.debounce) if stage.debounce else "–",
            "forgets": words.span(stage.forgets) if stage.forgets else "–",
        }
        for stage in one.stages
    ]


def _active(states: Mapping[str, bool]) -> str:
    return ", ".join(state for state, on in states.items() if on)


def _pictures(levels: list[Characteristic]) -> list[tuple[str, Markup]]:
    """Time over value, one picture for each quantity and direction."""
    drawn = sorted((one for one in levels if len(one.curve) > 1), key=_family)
    return [
        (f"{quantity}, {direction}", picture.times(list(members)))
        for (quantity, direction), members in groupby(drawn, key=_family)
    ]


def _family(one: Characteristic) -> tuple[str, str]:
    return one.quantity, one.direction
