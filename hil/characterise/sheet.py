"""The characteristic sheet: all that was found, as numbers in SI units, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hil.errors import UsageError

FORMAT = "hil characteristic sheet 1"


@dataclass(frozen=True)
class Level:
    """Where an answer begins: the two neighbours on the wire between which it changes.

    Attributes:
        holds: The farthest value that is not answered.
        acts: The nearest one that is.
    """

    holds: float
    acts: float


@dataclass(frozen=True)
class Span:
    """A time that lies between two, in s; ``high`` is ``None`` if there is no end to it."""

    low: float
    high: float | None


@dataclass(frozen=True)
class Reaction:
    """How long after the first frame with the stimulus a frame of the BMS shows the answer, in s.

    Attributes:
        uncertainty: How much earlier it may have been: time since the BMS's frame before.
        count: Number of trials.
    """

    minimum: float
    median: float
    maximum: float
    uncertainty: float
    count: int


@dataclass(frozen=True)
class Stage:
    """One level with its delay.

    Attributes:
        level: Where it begins.
        reaction: Time to the answer, at the nearest value that is answered.
        opens: Time to the last contactor's command to open; ``None``: none opens.
        debounce: The shortest pulse that is answered is longer than ``low`` and no longer than ``high``.
        forgets: The gap after which a pulse that was not answered is forgotten; ``None``: not found out.
        company: Other faults that had come by then: contactors may have opened for one of them.
    """

    level: Level
    reaction: Reaction
    opens: Reaction | None = None
    debounce: Span | None = None
    forgets: Span | None = None
    company: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clearing:
    """How an answer ends.

    Attributes:
        by: ``itself``, or the first of the ways tried that ended it; ``nothing`` did.
        clears: The farthest value at which it ends so; ``None``: not a matter of level.
        stays: The nearest value at which it does not; ``None``: it ends at all values that are not answered.
        after: How long it takes by itself, in s.
    """

    by: str
    clears: float | None = None
    stays: float | None = None
    after: float | None = None

    @property
    def latched(self) -> bool:
        """Whether it does not end by itself."""
        return self.by != "itself"


@dataclass(frozen=True)
class Place:
    """Cells or sensors at which the level is the same: ``1-96``; ``None``: they are not answered."""

    which: str
    level: Level | None


@dataclass(frozen=True)
class Characteristic:
    """What one answer of the BMS is like.

    Attributes:
        role: The answer: ``fault.cell_overvoltage``.
        quantity: What was turned: ``cell voltage``.
        place: Where: ``cell 48``.
        direction: ``rising`` or ``falling``; empty for a switch.
        lsb: Step of the wire: no level is known better.
        cycle: Time between two frames with the quantity, in s: no pulse is known better.
        state: In which the BMS was.
        active: Of each state whether it answers there.
        stages: Nearest level first; a faster one lies farther out.
        places: The other cells or sensors.
        curve: Value and time to the answer in s.
    """

    role: str
    quantity: str
    place: str
    direction: str
    unit: str
    lsb: float
    cycle: float
    state: str
    stages: tuple[Stage, ...]
    clearing: Clearing
    active: Mapping[str, bool] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is found in another sheet."""
        return self.role, self.quantity, self.direction


@dataclass(frozen=True)
class Curve:
    """What the BMS advertises over a quantity.

    Attributes:
        role: Such as ``limit.discharge_current``.
        points: Value of the quantity, and what is advertised.
        full: What is advertised at rest.
        begins: Where it begins to fall.
        ends: Where it has come to its least.
        least: What that is.
    """

    role: str
    quantity: str
    direction: str
    unit: str
    role_unit: str
    state: str
    full: float
    points: tuple[tuple[float, float], ...]
    begins: Level | None = None
    ends: Level | None = None
    least: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is found in another sheet."""
        return self.role, self.quantity, self.direction


@dataclass(frozen=True)
class Left:
    """A role that has no characteristic, and why."""

    role: str
    reason: str


@dataclass
class Sheet:
    """All that was found; filled as it goes.

    Attributes:
        facts: Rig, firmware and how it was looked at.
        complete: Whether the search came to its end.
    """

    facts: dict[str, Any]
    characteristics: list[Characteristic] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    complete: bool = False


def as_json(sheet: Sheet) -> str:
    """The sheet for machines."""
    return json.dumps({"format": FORMAT, **asdict(sheet)}, indent=1, ensure_ascii=False, allow_nan=False)


def read(path: Path) -> Sheet:
    """A sheet that was written before.

    Raises:
        UsageError: If the file cannot be read, or is no such sheet.
    """
    place, remedy = str(path), "give a characteristic.json that hil characterise has written"
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place=place) from error
    except ValueError as error:
        raise UsageError(f"is not JSON: {error}", place=place, remedy=remedy) from error
    found = data.pop("format", None) if isinstance(data, dict) else None
    if found != FORMAT:
        raise UsageError(f"its format is {found!r}, not {FORMAT!r}", place=place, key="format", remedy=remedy)
    try:
        return _SHEET.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageError(first["msg"], place=place, key=key, remedy=remedy) from error


_SHEET = TypeAdapter(Sheet)
