"""``[limits.NAME]`` as it is written: levels, times with their tolerance, curves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, model_validator

from hil.errors import UnitError
from hil.rig.fields import STRICT, AnyQuantity, Time, Tolerance, mistake
from hil.units import Quantity, parse


def _timing(value: object) -> object:
    """``"20 ms: why"`` stands for a table, as a CSV has it."""
    if not isinstance(value, str):
        return value
    tolerance, _, reason = value.partition(":")
    return {"tolerance": tolerance, "reason": reason.strip()}


class TimingSection(BaseModel):
    """``timing`` of a limit, and ``[timing]`` for all that have none of their own."""

    model_config = STRICT

    tolerance: Time | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _has_both(self) -> TimingSection:
        if self.tolerance is None:
            raise mistake("has no tolerance", 'such as tolerance = "20 ms"')
        if not self.reason.strip():
            remedy = 'say why, such as reason = "a task of 10 ms samples it, and it is sent each 10 ms"'
            raise mistake("is a tolerance without a reason", remedy)
        return self


Timing_ = Annotated[TimingSection, BeforeValidator(_timing)]


def _points(value: object) -> object:
    """``"2 %: 0 A; 10 %: 320 A"`` stands for an array of points, as a CSV has it."""
    pairs = _pairs_of(value) if isinstance(value, str) else value
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise mistake(f"{value!r} is no list of points", 'such as [["2 %", "0 A"], ["10 %", "320 A"]]')
    try:
        return [(parse(at), parse(limit)) for at, limit in pairs]
    except UnitError as error:
        raise mistake(error.reason, error.remedy) from error


def _pairs_of(text: str) -> list[list[str]]:
    return [point.split(":") for point in text.replace(";", ",").split(",") if point.strip()]


Points = list[tuple[Quantity, Quantity]]
_Points = Annotated[Points, PlainValidator(_points)]


class CurveSection(BaseModel):
    """``curve`` of a limit: how what is offered follows what is measured."""

    model_config = STRICT

    soc: _Points | None = None
    temperature_min: _Points | None = None
    temperature_max: _Points | None = None
    voltage: _Points | None = None
    tolerance: Tolerance | None = None
    within: Time | None = None


class LimitSection(BaseModel):
    """One ``[limits.NAME]``."""

    model_config = STRICT

    threshold: AnyQuantity | None = None
    warning: AnyQuantity | None = None
    derate: AnyQuantity | None = None
    release: AnyQuantity | None = None
    tolerance: Tolerance | None = None
    delay: Time | None = None
    events: Annotated[int, Field(ge=1)] | None = None
    period: str | None = None
    reaction: Time | None = None
    timeout: Time | None = None
    timing: Timing_ | None = None
    curve: CurveSection | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    above: bool | None = None
    clears: Literal["reset", "self", "service"] | None = None
    states: list[str] = []
    order: list[str] = []
    may_close: bool = False
    messages: dict[str, Time] = {}
    extra: dict[str, AnyQuantity] = {}
    requirement: str = ""
    source: str = ""
