"""Signals to the BMS that functions give, from ports and other signals: as the rig file has them."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hil.errors import HilError
from hil.rig.address import AddressBook, Place, is_address, written
from hil.rig.file import BusSection, PortSection
from hil.rig.functions import BUILT_IN, Function, Guarded, OwnFunctions, load_functions
from hil.rig.mistakes import Mistakes, dotted, suggest
from hil.rig.wire import Wiring, ends_of
from hil.units import scale_between

_SAME_UNIT = ("max", "min", "mean", "sum", "spread")  # functions whose result is in the unit of what they get


@dataclass(frozen=True)
class Input:
    """One argument of a function.

    Attributes:
        ports: Of the twins; of an array, all in their order.
        is_array: Whether the function gets a list of them.
        signal: In place of ports: bus, message and name of a signal.
        text: As the rig file has it.
    """

    text: str
    ports: tuple[str, ...] = ()
    is_array: bool = False
    signal: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class ComputedSignal:
    """A signal that a function gives: result = signal * scale + offset.

    Attributes:
        function: Its name; ``call`` calls it.
        file: Name of its file, and its ``sha256``; empty if it is built in.
    """

    bus: str
    message: str
    signal: str
    function: str
    inputs: tuple[Input, ...]
    scale: float = 1.0
    offset: float = 0.0
    file: str = ""
    sha256: str = ""
    call: Function = field(repr=False, compare=False, default=max)

    @property
    def address(self) -> str:
        """Where it is, as the rig file writes it."""
        return written(self.bus, self.message, self.signal)


class ComputedReader:
    """Resolves wires that name a function.

    Args:
        book: Finds signals.
        wiring: Knows who sends what, and the ports.
        buses: As they stand in the rig file: which have functions of their own.
        mistakes: Where mistakes go.
    """

    def __init__(
        self, book: AddressBook, wiring: Wiring, buses: Mapping[str, BusSection], mistakes: Mistakes
    ) -> None:
        self._book = book
        self._wiring = wiring
        self._mistakes = mistakes
        self._own = {name: self._load(name, bus.functions) for name, bus in buses.items() if bus.functions}

    def _load(self, bus: str, file: str) -> OwnFunctions | None:
        key = dotted("bus", bus, "functions")
        try:
            return load_functions(self._mistakes.file_of(key).parent / file)
        except HilError as error:
            self._mistakes.take(error, key)
            return None

    def computed(
        self, wires: Mapping[str, Mapping[str, Mapping[str, PortSection]]]
    ) -> tuple[ComputedSignal, ...]:
        """All signals of ``[wires.BUS.MESSAGE]`` that a function gives."""
        ends = ends_of(wires)
        given = ((address, end) for address, end in ends if end.function and not end.port)
        rows = [(dotted("wires", *address), address, end) for address, end in given]
        found = [self._one(key, address, end) for key, address, end in rows]
        computed = tuple(one for one in found if one is not None)
        self._refuse_circles({written(*address): key for key, address, _ in rows}, computed)
        return computed

    def _one(self, key: str, address: tuple[str, str, str], end: PortSection) -> ComputedSignal | None:
        place = self._book.place(key, *address)
        if place is None or not self._wiring.rig_sends(key, place, f"{end.function}() goes to"):
            return None
        inputs = [self._input(f"{key}.of[{number}]", text) for number, text in enumerate(end.of, start=1)]
        if not end.of:
            reason = "is missing: what it is computed from"
            self._mistakes.add(f"{key}.of", reason, 'such as of = ["pack.current"]')
        if not inputs or None in inputs or not self._wiring.claim(key, place):
            return None
        known = tuple(one for one in inputs if one is not None)
        scale = self._scale(key, end, place, known)
        function = self._function(key, end.function, place, known)
        is_finite = self._wiring.is_finite(key, end.offset)
        if function is None or scale is None or not is_finite:
            return None
        offset, own = end.offset or 0.0, None if end.function in BUILT_IN else self._own[place.bus]
        file, sha256 = ("", "") if own is None else (own.path.name, own.sha256)
        return ComputedSignal(*place.key, end.function, known, scale, offset, file, sha256, function)

    def _function(
        self, key: str, name: str, place: Place, inputs: Sequence[Input]
    ) -> Function | None:
        if name in BUILT_IN:
            return BUILT_IN[name]
        if place.bus in self._own and self._own[place.bus] is None:
            return None  # its file is a mistake of its own
        own = self._own.get(place.bus)
        function = own.functions.get(name) if own is not None else None
        if own is None or function is None:
            names = [*BUILT_IN, *(own.functions if own is not None else ())]
            hint = suggest(name, names, "functions")
            if own is None:
                hint += f"; one's own stand in a file: [bus.{place.bus}] functions"
            self._mistakes.add(f"{key}.function", f"there is no function {name!r}", hint)
            return None
        try:
            inspect.signature(function).bind(*inputs)
        except TypeError as error:
            arguments = ", ".join(re.sub(r"\W+", "_", one.text).strip("_") for one in inputs)
            reason, remedy = f"takes other arguments: {error}", f"def {name}({arguments}):"
            self._mistakes.at(own.path, name, reason, remedy)
            return None
        return Guarded(own.path, name, function, place.signal)

    def _input(self, key: str, text: str) -> Input | None:
        if is_address(text):
            place = self._book.find(key, text)
            if place is None:
                return None
            if place.signal.is_multiplexer or place.signal.e2e_role != "None":
                self._mistakes.add(key, f"{place.text} is filled in by the rig itself, frame by frame")
                return None
            return Input(text, signal=place.key)
        ports = self._wiring.members(key, text)
        return Input(text, ports, "[*]" in text or ".." in text) if ports else None

    def _scale(
        self, key: str, end: PortSection, place: Place, inputs: Sequence[Input]
    ) -> float | None:
        """From signal to result: as said, else by the units where the result has that of its ports."""
        if end.scale is not None:
            if end.scale == 0 or not math.isfinite(end.scale):
                self._mistakes.add(key, f"scale {end.scale:g} carries nothing")
            return end.scale or None
        if end.function not in _SAME_UNIT:
            return 1.0
        units = [self._unit(one) for one in inputs]
        if len(set(units)) > 1:
            reason = f"{end.function} of {' and '.join(sorted({repr(unit) for unit in units}))}"
            self._mistakes.add(f"{key}.of", reason, "values of one unit")
            return None
        scale = scale_between(place.signal.unit, units[0])
        if scale is None:
            reason = f"{place.text} is in {place.signal.unit!r}, the {end.function} in {units[0]!r}"
            self._mistakes.add(key, reason, "say scale: result = signal * scale + offset")
        return scale

    def _unit(self, one: Input) -> str:
        if one.signal is None:
            return self._wiring.unit_of(one.ports[0])
        place = self._book.place("", *one.signal)
        return place.signal.unit if place is not None else ""

    def _refuse_circles(self, keys: Mapping[str, str], computed: Sequence[ComputedSignal]) -> None:
        """What is computed is computed from what is not, so that there is an order."""
        for one in computed:
            for number, given in enumerate(one.inputs, start=1):
                address = "" if given.signal is None else written(*given.signal)
                if address in keys:
                    here = f"{keys[one.address]}.of[{number}]"
                    self._mistakes.add(here, f"{address} is computed itself", "name what that is from")
