"""A script as it is written: TOML, every mistake in it named by file, test, step and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hil.errors import UnitError
from hil.rig.fields import quantity
from hil.rig.file import Section, note, parse_toml
from hil.rig.mistakes import Mistakes, dotted
from hil.script.amount import Amount, check_finite, read_amount, read_span
from hil.script.shape import mistakes_in
from hil.units import time_ns


def _value(value: object) -> object:
    if not isinstance(value, int | float | str):
        raise UnitError(f"{value!r} is no value to say or to ask for", remedy='such as true, 3.2 or "fault"')
    if not isinstance(value, str):
        check_finite(value, value)
    return value


def _amount(value: object) -> Amount:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"{value!r} is neither a number nor a quantity", remedy='such as 1 or "80 %"')
    return read_amount(value)


def _text(value: object) -> str:
    """Times are texts with a unit: a bare number of milliseconds would be a slip."""
    if not isinstance(value, str):
        raise UnitError(f"{value!r} has no unit", remedy='such as "500 ms"')
    return value


Said = Annotated[dict[str, Annotated[bool | int | float | str, quantity(_value)]], Field(min_length=1)]
Settings = Annotated[dict[str, Annotated[Amount, quantity(_amount)]], Field(min_length=1)]
Span = Annotated[Amount, quantity(lambda value: read_span(_text(value)))]
Instant = Annotated[int, quantity(lambda value: time_ns(_text(value)))]


class StepSection(Section):
    """One ``[[test.step]]``: when, what is done, and what is expected of the BMS then."""

    at: Instant | None = None
    note: str = ""
    reach: Literal["operate", "charge", "standby"] | None = None
    request: Annotated[Said, Field(max_length=1)] | None = None
    set: Settings | None = None
    fault: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    for_: Span | None = Field(default=None, alias="for")
    name: str | None = Field(default=None, min_length=1)
    end: str | None = None
    reset: Literal[True] | None = None
    power: Literal["cold", "warm"] | None = None
    wait: Span | None = None
    expect: Said | None = None
    within: Span | None = None
    stays: Said | None = None
    never: Said | None = None
    through: Span | None = None

    @property
    def given(self) -> frozenset[str]:
        """Which keys are written."""
        return frozenset(self.model_fields_set)


class TestSection(Section):
    """One ``[[test]]``."""

    __test__ = False  # for pytest, which collects what is named like this

    name: str = Field(min_length=1)
    requirement: tuple[str, ...] = Field(default=(), strict=False)
    case: tuple[int, ...] = Field(default=(), strict=False)
    needs: tuple[str, ...] = Field(default=(), strict=False)
    step: list[StepSection] = Field(min_length=1)

    @property
    def function(self) -> str:
        """Its name as pytest selects it."""
        words = re.sub(r"\W+", "_", self.name.lower()).strip("_")
        return f"test_{words}"


class ScriptFile(Section):
    """A whole script."""

    title: str = ""
    test: list[TestSection] = Field(min_length=1)


def read_script(path: Path) -> ScriptFile:
    """Read a script.

    Raises:
        RigFileError: If the file cannot be read or is no TOML.
        RigFileErrors: All mistakes in it.
    """
    data = parse_toml(path)
    mistakes = Mistakes(path)
    try:
        script = ScriptFile.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            note(mistakes, detail, ScriptFile)
        mistakes.check()
        raise
    names: dict[str, int] = {}
    for number, test in enumerate(script.test):
        if test.function in names:
            mistakes.add(
                dotted("test", number, "name"),
                f"{test.name!r} is too much like the name of test {names[test.function] + 1}",
                "every test has a name of its own",
            )
        names[test.function] = number
        for place, key, reason, remedy in mistakes_in(test.step):
            mistakes.add(dotted("test", number, "step", place, *key), reason, remedy)
    mistakes.check()
    return script
