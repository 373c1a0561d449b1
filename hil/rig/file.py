"""The rig file as it is written: TOML, typed by pydantic. What it means is resolved in ``load``."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from hil.errors import RigFileError, UnitError
from hil.rig.extend import extended
from hil.rig.limits_csv import with_limits
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.units import Quantity, parse, time_ns, value_of


def quantity(convert: Callable[[object], object]) -> BeforeValidator:
    """A pydantic validator out of one that raises ``UnitError``."""

    def validate(value: object) -> object:
        try:
            return convert(value)
        except UnitError as error:
            raise PydanticCustomError(
                "unit", "{reason}", {"reason": error.reason, "remedy": error.remedy}
            ) from error

    return BeforeValidator(validate)


def _bit_rate(value: object) -> object:
    return int(value_of(value, "bit rate")) if isinstance(value, str) else value


def _number(value: object) -> float | str:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        return value
    raise PydanticCustomError("number", "Input should be a number or the name of a value")


def _short(field: str) -> BeforeValidator:
    """A plain string stands for a table with one key."""
    return BeforeValidator(lambda value: {field: value} if isinstance(value, str) else value)


def _listed(value: object) -> object:
    """A plain string stands for a list with one member."""
    return [value] if isinstance(value, str) else value


def _command_line(value: object) -> object:
    """A command line as a shell would split it."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        reason = {"reason": str(error)}
        raise PydanticCustomError("command", "is no command line: {reason}", reason) from error


Time = Annotated[int, quantity(time_ns)]
Voltage = Annotated[float, quantity(lambda value: value_of(value, "voltage")), Field(gt=0)]
Current = Annotated[float, quantity(lambda value: value_of(value, "current")), Field(gt=0)]
Power = Annotated[float, quantity(lambda value: value_of(value, "power")), Field(gt=0)]
CommandLine = Annotated[list[str], BeforeValidator(_command_line)]
Share = Annotated[float, quantity(lambda value: value_of(value, "ratio")), Field(ge=0, le=1)]
AnyQuantity = Annotated[Quantity, quantity(lambda v: v if isinstance(v, Quantity) else parse(v))]
# a physical number, or the name of a value
Number = Annotated[float | str, PlainValidator(_number)]


class Section(BaseModel):
    """A table of the rig file: nothing in it may be unknown or of a wrong type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RigSection(Section):
    """``[rig]``; ``step`` is the plant's."""

    name: str = Field(min_length=1)
    title: str = ""
    time: Literal["virtual", "real"] = "virtual"
    step: Annotated[Time, Field(gt=0)] | None = None


class CodeSection(Section):
    """One entry of ``codes`` in ``[bus.NAME.j1939.MESSAGE]``."""

    spn: Annotated[int, Field(ge=0, le=0x7FFFF)]
    fmi: Annotated[int, Field(ge=0, le=31)] | None = None


class J1939Section(Section):
    """``[bus.NAME.j1939.MESSAGE]``."""

    pgn: int | None = None
    source: int | list[int] | str | None = None
    destination: int | None = None
    priority: Annotated[int, Field(ge=0, le=7)] | None = None
    spacing: Annotated[Time, Field(ge=0)] | None = None
    codes: dict[str, CodeSection] | None = None


class MessageSection(Section):
    """``[bus.NAME.messages.MESSAGE]``."""

    send: Literal["cyclic", "on-change"] | None = None
    cycle: Annotated[Time, Field(gt=0)] | None = None
    phase: Annotated[Time, Field(ge=0)] | None = None
    heartbeat: Annotated[Time, Field(gt=0)] | None = None
    min_interval: Annotated[Time, Field(gt=0)] | None = None
    groups: Literal["one", "all"] | None = None
    by: Literal["rig", "kernel"] | None = None


class BusSection(Section):
    """``[bus.NAME]``."""

    interface: str = Field(default="sim", min_length=1)
    channel: str | None = Field(default=None, min_length=1)
    bitrate: Annotated[int, quantity(_bit_rate), Field(ge=5_000, le=1_000_000)]
    fd: bool = False
    data_bitrate: Annotated[int, quantity(_bit_rate), Field(ge=5_000, le=10_000_000)] | None = None
    dbc: list[str] = Field(min_length=1)
    checksums: str | None = Field(default=None, min_length=1)
    functions: str | None = Field(default=None, min_length=1)
    options: dict[str, Any] = {}
    receive: Literal["all", "known"] = "all"
    j1939: dict[str, J1939Section] | None = None
    messages: dict[str, MessageSection] = {}


class BmsSection(Section):
    """``[bms]``."""

    kind: Literal["library", "process", "external"] = "library"
    library: str | None = Field(default=None, min_length=1)
    node: str = "BMS"
    step: Annotated[Time, Field(gt=0)] = 10_000_000
    command: Annotated[CommandLine, Field(min_length=1)] | None = None
    ready: str | None = Field(default=None, min_length=1)
    cold: CommandLine = []
    heard: Annotated[Time, Field(ge=0)] = 10_000_000_000
    switch_on: CommandLine = []
    switch_off: CommandLine = []


class NodeSection(Section):
    """``[nodes.NAME]``."""

    kind: Literal["gbt27930", "gbt27930-vehicle", "chademo", "elcon", "pylontech", "sma-victron"]
    bus: str
    preset: str | None = None
    insulation_test: Time | None = None
    max_voltage: Voltage | None = None
    max_cell_voltage: Voltage | None = None
    max_current: Current | None = None
    end_current: Current | None = None
    end_soc: Share | None = None
    rated_power: Power | None = None


class WireSection(Section):
    """One ``[[wire]]``."""

    from_: str = Field(alias="from")
    to: str
    scale: float | None = None
    offset: float | None = None


class PortSection(Section):
    """The twin's end of a wire in a ``[wires.BUS.MESSAGE]`` table, or the function that gives the signal."""

    port: str = ""
    function: str = ""
    of: Annotated[list[str], BeforeValidator(_listed)] = []
    scale: float | None = None
    offset: float | None = None


class RoleSection(Section):
    """One entry of ``[roles]``."""

    signal: str | Annotated[list[str], Field(min_length=2)]
    values: dict[str, float | list[Number]] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    mask: Annotated[int, Field(ge=1)] | None = None
    scale: float | None = None
    offset: float | None = None
    when: dict[str, Number] = {}
    absent_after: Annotated[Time, Field(gt=0)] | None = None
    default: Number | None = None

    @property
    def signals(self) -> list[str]:
        """All its signals, the first of them first."""
        return [self.signal] if isinstance(self.signal, str) else self.signal


class StepSection(Section):
    """One step of ``[requests.NAME.steps]``."""

    signal: str | None = None
    set: str | None = None
    to: Number | None = None
    wait: Annotated[Time, Field(gt=0)] | None = None
    until: str | None = None
    is_: Number | None = Field(default=None, alias="is")
    within: Annotated[Time, Field(gt=0)] | None = None


class KeepAliveSection(Section):
    """``keep_alive`` of a request."""

    signal: str
    values: Annotated[list[float], Field(min_length=2)] = [0.0, 1.0]
    every: Annotated[Time, Field(gt=0)] | None = None


class RequestSection(RoleSection):
    """One entry of ``[requests]``."""

    signal: str | Annotated[list[str], Field(min_length=2)] = ""
    steps: dict[str, Annotated[list[StepSection], Field(min_length=1)]] = {}
    keep_alive: Annotated[KeepAliveSection, _short("signal")] | None = None
    send: Literal["always", "while-asked"] = "always"


def _timing(value: object) -> object:
    """``"20 ms: why"`` stands for a table, as a CSV has it."""
    if not isinstance(value, str):
        return value
    tolerance, _, reason = value.partition(":")
    return {"tolerance": tolerance, "reason": reason.strip()}


class TimingSection(Section):
    """``timing`` of a limit, and ``[timing]`` for all that have none of their own."""

    tolerance: Time | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _has_both(self) -> TimingSection:
        if self.tolerance is None:
            raise _mistake("has no tolerance", 'such as tolerance = "20 ms"')
        if not self.reason.strip():
            remedy = 'say why, such as reason = "a task of 10 ms samples it, and it is sent each 10 ms"'
            raise _mistake("is a tolerance without a reason", remedy)
        return self


def _mistake(reason: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("unit", "{reason}", {"reason": reason, "remedy": remedy})


def _points(value: object) -> object:
    """``"2 %: 0 A; 10 %: 320 A"`` stands for an array of points, as a CSV has it."""
    pairs = _pairs_of(value) if isinstance(value, str) else value
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise _mistake(f"{value!r} is no list of points", 'such as [["2 %", "0 A"], ["10 %", "320 A"]]')
    try:
        return [(parse(at), parse(limit)) for at, limit in pairs]
    except UnitError as error:
        raise _mistake(error.reason, error.remedy) from error


def _pairs_of(text: str) -> list[list[str]]:
    return [point.split(":") for point in text.replace(";", ",").split(",") if point.strip()]


Points = list[tuple[Quantity, Quantity]]
_Points = Annotated[Points, PlainValidator(_points)]


class CurveSection(Section):
    """``curve`` of a limit: how what is offered follows what is measured."""

    soc: _Points | None = None
    temperature_min: _Points | None = None
    temperature_max: _Points | None = None
    voltage: _Points | None = None
    tolerance: AnyQuantity | None = None
    within: Time | None = None


class LimitSection(Section):
    """One ``[limits.NAME]``."""

    threshold: AnyQuantity | None = None
    warning: AnyQuantity | None = None
    derate: AnyQuantity | None = None
    release: AnyQuantity | None = None
    tolerance: AnyQuantity | None = None
    delay: Time | None = None
    events: Annotated[int, Field(ge=1)] | None = None
    period: str | None = None
    reaction: Time | None = None
    timeout: Time | None = None
    timing: Annotated[TimingSection, BeforeValidator(_timing)] | None = None
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


class SafeStateSection(Section):
    """``[safe_state]``."""

    requests: dict[str, Number] = {}
    outputs: list[Annotated[CommandLine, Field(min_length=1)]] = []


class HealthSection(Section):
    """``[health]``: the budget of one test, in real time."""

    frame_late: Time = 50_000_000
    frame_late_p99: Time = 10_000_000
    step_late: Time = 100_000_000
    test_late: Time = 50_000_000
    bms_wait: Time = 80_000_000
    missed_frames: Share = 0.01
    missed_steps: Share = 0.01
    lost_frames: Annotated[int, Field(ge=0)] = 0
    bus_errors: Annotated[int, Field(ge=0)] = 0
    clock_jumps: Annotated[int, Field(ge=0)] = 0
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    if_failed: Share = 1.0


class HostSection(Section):
    """``[host]``: the process that runs the plant in real time."""

    lease: Annotated[Time, Field(gt=0)] = 30_000_000_000
    real_time: bool = True


class HooksSection(Section):
    """``[hooks]``."""

    file: str = Field(min_length=1)
    within: Annotated[Time, Field(gt=0)] = 10_000_000_000


class SuiteSection(Section):
    """``[suite]``."""

    skip: dict[str, str] = {}
    soak: Annotated[Time, Field(gt=0)] = 300_000_000_000


Role_ = Annotated[RoleSection, _short("signal")]
Request_ = Annotated[RequestSection, _short("signal")]
Port_ = Annotated[PortSection, _short("port")]


class RigFile(Section):
    """A whole rig file. The plant's sections are typed by the twins themselves, see ``plant``."""

    extends: str = ""
    rig: RigSection | None = None
    bus: dict[str, BusSection] = {}
    pack: dict[str, Any] = {}
    contactors: dict[str, Any] = {}
    link: dict[str, Any] = {}
    sensors: dict[str, Any] = {}
    charger: dict[str, Any] = {}
    drive: dict[str, Any] = {}
    fuse: dict[str, Any] = {}
    supply: dict[str, Any] = {}
    vehicle: dict[str, Any] = {}
    load: dict[str, dict[str, Any]] = {}
    bms: BmsSection | None = None
    nodes: dict[str, NodeSection] = {}
    wire: list[WireSection | None] = []
    wires: dict[str, dict[str, dict[str, Port_]]] = {}
    constants: dict[str, Number] = {}
    roles: dict[str, Role_] = {}
    requests: dict[str, Request_] = {}
    transitions: dict[str, list[str]] = {}
    limits: dict[str, LimitSection] = {}
    timing: Annotated[TimingSection, BeforeValidator(_timing)] | None = None
    safe_state: SafeStateSection = SafeStateSection()
    health: HealthSection = HealthSection()
    host: HostSection = HostSection()
    hooks: HooksSection | None = None
    suite: SuiteSection = SuiteSection()


_REQUIRED = ("rig", "bus", "pack", "bms")
# these are pruned entry by entry, so that one mistake does not hide those of its neighbours
_ENTRIES = {
    "nodes": 2,
    "bus": 2, "wire": 2, "wires": 4, "roles": 2, "requests": 2, "limits": 2, "constants": 2, "load": 2,
    "transitions": 2,
}  # fmt: skip


def read_file(path: Path, mistakes: Mistakes) -> RigFile:
    """Read a rig file, and the one that it extends; what is wrong in it is noted and left out.

    Raises:
        RigFileError: If one cannot be read or is no TOML.
    """
    data = extended(parse_toml(path), parse_toml, mistakes)
    with_limits(data, LimitSection, mistakes)
    for section in _REQUIRED:
        if section not in data:
            mistakes.add(section, "section is missing", "docs/rig-file.md describes it")
            mistakes.broken.add(section)
    while True:
        try:
            return RigFile.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                note(mistakes, detail, RigFile)
                _prune(data, detail["loc"], mistakes)


def parse_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it stands.

    Raises:
        RigFileError: If it cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RigFileError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise RigFileError("is not UTF-8 text", place=str(path), remedy="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        text, _, where = str(error).partition(" (at ")
        is_twice = text.startswith("Cannot overwrite") or text.endswith("twice")  # as its parser says it
        raise RigFileError(
            "a key or section stands here for the second time" if is_twice else f"is no valid TOML: {text}",
            place=str(path),
            key=where.removesuffix(")"),
            remedy="remove one of them" if is_twice else "see https://toml.io for the syntax",
        ) from error


def note(mistakes: Mistakes, detail: ErrorDetails, model: type[BaseModel], prefix: str = "") -> None:
    """Note a mistake that pydantic found, in the rig file's words."""
    location = detail["loc"]
    key = dotted(*(prefix.split(".") if prefix else []), *location)
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        mistakes.add(key, "unknown key", suggest(str(location[-1]), known, "keys"))
    elif kind == "missing":
        mistakes.add(key, "is missing")
    elif kind == "unit":
        mistakes.add(key, str(context["reason"]), str(context["remedy"]))
    elif kind == "literal_error":
        mistakes.add(key, f"{value!r} is not known", f"expected {context['expected']}")
    else:
        mistakes.add(key, f"{value!r} {detail['msg'].removeprefix('Input ')}")


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a place may have."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:
            here = _element(here)
        here = _bare(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _element(annotation: Any) -> Any:
    return get_args(annotation)[-1]


def _bare(annotation: Any) -> Any:
    """The type without ``None`` and ``Annotated``."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    if hasattr(annotation, "__metadata__"):
        return _bare(annotation.__origin__)
    if type(None) in get_args(annotation):
        return _bare(arguments[0])
    return annotation


def _prune(data: dict[str, Any], location: tuple[int | str, ...], mistakes: Mistakes) -> None:
    """Take the entry with the mistake out; an array keeps its length, so that it can be counted."""
    depth = _ENTRIES.get(str(location[0]), 1)
    *parents, last = location[:depth]
    mistakes.broken.add(dotted(*location[:depth]))
    here: Any = data
    for part in parents:
        here = here.get(part) if isinstance(here, dict) else None
    if isinstance(here, list):
        here[int(last)] = None
    elif isinstance(here, dict):
        here.pop(last, None)
