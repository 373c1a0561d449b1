"""What stands in a section of the rig file: quantities with their units, and short forms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from hil.errors import UnitError
from hil.units import Quantity, parse, value_of, written_ns

_IN_NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")


def mistake(reason: str, remedy: str) -> PydanticCustomError:
    """What a validator raises; ``note`` tells it with its remedy."""
    return PydanticCustomError("unit", "{reason}", {"reason": reason, "remedy": remedy})


def quantity(convert: Callable[[object], object]) -> BeforeValidator:
    """A pydantic validator out of one that raises ``UnitError``."""

    def validate(value: object) -> object:
        try:
            return convert(value)
        except UnitError as error:
            raise mistake(error.reason, error.remedy) from error

    return BeforeValidator(validate)


def bit_rate(value: object) -> object:
    """In bit/s, of a text with its unit."""
    return int(value_of(value, "bit rate")) if isinstance(value, str) else value


def _number(value: object) -> float | str:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        return value
    raise PydanticCustomError("number", "Input should be a number or the name of a value")


def short(field: str) -> BeforeValidator:
    """A plain string stands for a table with one key."""
    return BeforeValidator(lambda value: {field: value} if isinstance(value, str) else value)


def listed(value: object) -> object:
    """A plain string stands for a list with one member."""
    return [value] if isinstance(value, str) else value


def _folder_name(value: object) -> object:
    """A name that is that of a folder too: not another folder's, nor a way there."""
    if isinstance(value, str) and (value in (".", "..") or _IN_NO_NAME.search(value)):
        raise mistake(f"{value!r} is no name for a folder", "no slashes, such as 'lab-2'")
    return value


def _command_line(value: object) -> object:
    """A command line as a shell would split it."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        reason = {"reason": str(error)}
        raise PydanticCustomError("command", "is no command line: {reason}", reason) from error


def _deviation(value: object) -> Quantity:
    """How far something may be off, to both sides."""
    found = parse(value)
    if found.value < 0:
        raise UnitError(f"{found.text!r} is negative", remedy="a tolerance is one to both sides")
    return found


Time = Annotated[int, quantity(written_ns)]
Voltage = Annotated[float, quantity(lambda value: value_of(value, "voltage")), Field(gt=0)]
Current = Annotated[float, quantity(lambda value: value_of(value, "current")), Field(gt=0)]
Power = Annotated[float, quantity(lambda value: value_of(value, "power")), Field(gt=0)]
FolderName = Annotated[str, BeforeValidator(_folder_name), Field(min_length=1)]
CommandLine = Annotated[list[str], BeforeValidator(_command_line)]
Share = Annotated[float, quantity(lambda value: value_of(value, "ratio")), Field(ge=0, le=1)]
AnyQuantity = Annotated[Quantity, quantity(lambda v: v if isinstance(v, Quantity) else parse(v))]
Tolerance = Annotated[Quantity, quantity(_deviation)]
# a physical number, or the name of a value
Number = Annotated[float | str, PlainValidator(_number)]
# of a table: nothing in it may be unknown or of a wrong type
STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
