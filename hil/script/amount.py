"""Amounts in a script: a quantity, a promised limit, or a sum of both: ``"interlock.delay + 50 ms"``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hil.errors import UnitError, UsageError
from hil.rig.limits import Limit
from hil.rig.timing import PromisedTime, timing_of
from hil.units import KINDS, Quantity, kind_of, parse

_OPERATORS = re.compile(r"\s+([+-])\s+")
_LIMIT = re.compile(r"([A-Za-z]\w*)\.([A-Za-z]\w*)")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TEMPERATURES = {"temperature", "temperature difference"}
_TIME = "time"
_KNOWN = 'such as "500 ms", "interlock.delay" or "interlock.delay + 50 ms"'

Limits = Mapping[str, Limit]


@dataclass(frozen=True)
class Amount:
    """A sum of quantities, in the base units of their kind, and of promised limits.

    Attributes:
        text: As it was written.
        fixed: The sum of its quantities.
        limits: Sign, name and field of each limit.
        kind: Of its quantities; ``""``: it has none with a unit.
    """

    text: str
    fixed: float
    limits: tuple[tuple[int, str, str], ...]
    kind: str

    @property
    def is_time(self) -> bool:
        """Whether it is in ns."""
        return self.kind == _TIME

    def value(self, limits: Limits) -> float:
        """The sum, with what the BMS of this rig promises.

        Raises:
            NotOfferedError: If it does not promise one of the limits.
            UsageError: If quantities and limits are of different kinds.
        """
        self._kind_with(limits)
        return self.fixed + sum(sign * limits[name].number(field) for sign, name, field in self.limits)

    def span(self, limits: Limits) -> int:
        """The sum, which is a time, in ns; it has the tolerance of the limits in it.

        Raises:
            NotOfferedError: If the BMS does not promise one of the limits.
            UsageError: If a limit in it is no time, or the sum is negative.
        """
        times = [(sign, limits[name].time(field)) for sign, name, field in self.limits]
        span_ns = round(self.fixed) + sum(sign * time_ns for sign, time_ns in times)
        if span_ns < 0:
            raise UsageError(f"{self.text!r} is {span_ns / 1e6:g} ms: negative")
        return PromisedTime(span_ns, timing_of(sum(time_ns for _, time_ns in times)))

    def said(self, limits: Limits) -> float | str:
        """As a test in Python would say it: a number, or a text with a unit where that is known.

        Raises:
            NotOfferedError: If the BMS does not promise one of the limits.
            UsageError: If quantities and limits are of different kinds.
        """
        kind = self._kind_with(limits)
        value = self.value(limits)
        return f"{value!r} {KINDS[kind].base}" if kind else value

    def _kind_with(self, limits: Limits) -> str:
        """Of its quantities and its limits."""
        try:
            return _common(self.text, {self.kind} | self._kinds_of_limits(limits))
        except UnitError as error:
            raise UsageError(error.reason) from error

    def _kinds_of_limits(self, limits: Limits) -> set[str]:
        return {kind_of(limits[name].unit_of(field)) for _, name, field in self.limits} - {""}


def read_amount(text: str | float) -> Amount:
    """An amount as a script has it; a number stands for itself.

    Raises:
        UnitError: If a term is neither a quantity nor a limit, terms are of different kinds, a number without
            a unit is added to a time, or the sum of what is known is not finite.
    """
    if not isinstance(text, str):
        check_finite(text, text)
        return Amount(str(text), float(text), (), "")
    first, *rest = _OPERATORS.split(text.strip())
    signs = [1, *(1 if sign == "+" else -1 for sign in rest[::2])]
    fixed, kinds, limits, plain = 0.0, set(), [], False
    for sign, term in zip(signs, [first, *rest[1::2]], strict=True):
        limit = _LIMIT.fullmatch(term)
        if limit is not None:
            limits.append((sign, limit[1], limit[2]))
        elif _PLAIN.fullmatch(term):
            fixed += sign * float(term)
            plain = True
        else:
            quantity = _quantity(term)
            fixed += sign * quantity.value
            kinds.add(quantity.kind)
    check_finite(fixed, text)
    if plain and _TIME in kinds:
        raise UnitError(f"{text!r} adds a number without a unit to a time", remedy=_KNOWN)
    return Amount(text, fixed, tuple(limits), _common(text, kinds))


def check_finite(number: float, written: object) -> None:
    """That a number, as a script has ``written`` it, is one to reckon with.

    Raises:
        UnitError: If it is NaN, infinite, or an int beyond all floats.
    """
    try:
        is_finite = math.isfinite(number)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise UnitError(f"{written!r} is no finite number", remedy="a number such as 25 or -5.5")


def _common(text: str, kinds: set[str]) -> str:
    """The kind of a sum whose terms are of these; ``""``: not known."""
    known = kinds - {""}
    if known == _TEMPERATURES:
        return "temperature"
    if len(known) > 1:
        raise UnitError(f"{text!r} adds {' and '.join(sorted(known))}", remedy=_KNOWN)
    return next(iter(known), "")


def read_span(text: str) -> Amount:
    """A time, in ns.

    Raises:
        UnitError: If it is none, has no unit, or is negative.
    """
    amount = read_amount(text)
    if not amount.is_time and (amount.kind or not amount.limits or amount.fixed):
        raise UnitError(f"{text!r} is no time", remedy=_KNOWN)
    if amount.fixed < 0 and not amount.limits:
        raise UnitError(f"{text!r} is negative", remedy=_KNOWN)
    return replace(amount, kind=_TIME)


def _quantity(term: str) -> Quantity:
    try:
        return parse(term)
    except UnitError as error:
        raise UnitError(error.reason, remedy=error.remedy or _KNOWN) from error
