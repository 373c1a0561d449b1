"""The rig file as it is written: TOML, typed by pydantic. What it means is resolved in ``load``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from hil.errors import RigFileError
from hil.rig.extend import extended
from hil.rig.fields import (
    STRICT,
    CommandLine,
    Current,
    FolderName,
    Number,
    Power,
    Share,
    Time,
    Voltage,
    bit_rate,
    listed,
    quantity,
    short,
)
from hil.rig.file_limits import LimitSection, Timing_
from hil.rig.limits_csv import with_limits
from hil.rig.mistakes import Mistakes, dotted, suggest


class Section(BaseModel):
    """A table of the rig file."""

    model_config = STRICT


class RigSection(Section):
    """``[rig]``; ``step`` is the plant's."""

    name: FolderName
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
    bitrate: Annotated[int, quantity(bit_rate), Field(ge=5_000, le=1_000_000)]
    fd: bool = False
    data_bitrate: Annotated[int, quantity(bit_rate), Field(ge=5_000, le=10_000_000)] | None = None
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
    of: Annotated[list[str], BeforeValidator(listed)] = []
    scale: float | None = None
    offset: float | None = None


class RoleSection(Section):
    """One entry of ``[roles]``."""

    signal: str | Annotated[list[str], Field(min_length=2)]
    values: dict[str, float | list[Number]] | None = None
    count: Annotated[int, Field(ge=1, le=65_536)] | None = None
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
    keep_alive: Annotated[KeepAliveSection, short("signal")] | None = None
    send: Literal["always", "while-asked"] = "always"


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


Role_ = Annotated[RoleSection, short("signal")]
Request_ = Annotated[RequestSection, short("signal")]
Port_ = Annotated[PortSection, short("port")]


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
    timing: Timing_ | None = None
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
    if path.suffix.lower() == ".dbc":
        remedy = f"hil new DIR --dbc {path.name} makes a rig file from it"
        raise RigFileError("is a DBC file, no rig file", place=str(path), remedy=remedy)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        _check_integers(data)
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
    except (ValueError, RecursionError) as error:  # Python's own, of thousands of digits or brackets
        is_deep = isinstance(error, RecursionError)
        reason = "is nested too deeply" if is_deep else "holds a whole number of more than 64 bits"
        raise RigFileError(reason, place=str(path)) from error
    return data


def _check_integers(data: Any) -> None:
    """TOML's have 64 bits; Python's may be so long that it neither prints nor converts them."""
    for value in data.values() if isinstance(data, dict) else data:
        if isinstance(value, dict | list):
            _check_integers(value)
        elif isinstance(value, int) and value.bit_length() > 63:
            raise ValueError


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
