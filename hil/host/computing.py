"""Lets functions give signals: each is called when its frame is packed, with what there is then."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hil.errors import HookError
from hil.frames.restbus import Entry, Source
from hil.host.station import Station
from hil.rig.computed import ComputedSignal, Input
from twins.port import Computed, Port

Argument = Callable[[], float | list[float]]


class Evaluation:
    """Calls a function for a frame; once it went wrong it is left alone: the way to the safe state is free.

    Args:
        computed: Function and signal.
        arguments: What it gets.
        start: Of the signal: what it carries until there is something.
        can_be_lost: Whether the signal has a raw number for "not available".
    """

    def __init__(
        self, computed: ComputedSignal, arguments: tuple[Argument, ...], start: float, can_be_lost: bool
    ) -> None:
        self._call = computed.call
        self._arguments = arguments
        self._last = start * computed.scale + computed.offset
        self._can_be_lost = can_be_lost
        self._has_failed = False

    def renew(self) -> None:
        """A new test begins: it is called again."""
        self._has_failed = False

    def __call__(self) -> float:
        """The value now.

        Raises:
            HookError: If the function raises, hangs, or gives what no frame can carry; that is told once.
        """
        if self._has_failed:
            return self._last
        try:
            value = float(self._call(*(argument() for argument in self._arguments)))
        except HookError:
            self._has_failed = True
            raise
        if self._can_be_lost or not math.isnan(value):
            self._last = value
        return self._last


def compute(
    signals: tuple[ComputedSignal, ...], stations: Mapping[str, Station], ports: Mapping[str, Port]
) -> list[Evaluation]:
    """Connect all computed signals of a rig."""
    evaluations = []
    for computed in signals:
        entry = stations[computed.bus].restbus.entries[computed.message]
        signal = entry.message.signals[computed.signal]
        arguments = tuple(_argument(one, stations, ports) for one in computed.inputs)
        can_be_lost = signal.not_available is not None
        evaluation = Evaluation(computed, arguments, signal.first_value, can_be_lost)
        source = Source(Computed([evaluation]), 0, computed.scale, computed.offset)
        entry.connect(computed.signal, source)
        evaluations.append(evaluation)
    return evaluations


def _argument(one: Input, stations: Mapping[str, Station], ports: Mapping[str, Port]) -> Argument:
    if one.signal is not None:
        bus, message, signal = one.signal
        station = stations[bus]
        entry = station.restbus.entries.get(message)
        return _heard(station, message, signal) if entry is None else _sent(entry, signal)
    found = [(ports[name].values, ports[name].index) for name in one.ports]
    if one.is_array:
        return lambda: [values[index] for values, index in found]
    values, index = found[0]
    return lambda: values[index]


def _sent(entry: Entry, signal: str) -> Argument:
    """What the rig sends of a signal, in its unit."""
    return lambda: entry.value_of(signal)


def _heard(station: Station, message: str, signal: str) -> Argument:
    """What was heard last of a signal, of the BMS or a node, in its unit; NaN until then."""
    index = station.database.messages[message].signals[signal].index
    last = [math.nan]

    def watch(_frame: object, values: tuple[float | None, ...]) -> None:
        value = values[index]
        if value is not None:
            last[0] = value

    reception = station.listener.signals.receptions.get(message)
    if reception is not None:
        reception.watchers.append(watch)
    else:
        station.overhear(message, watch)
    return lambda: last[0]
