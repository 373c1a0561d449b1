"""What a new firmware changed: two sheets side by side, differences only where they are no uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hil.characterise.sheet import Characteristic, Clearing, Curve, Level, Reaction, Sheet, Span, Stage
from hil.characterise.words import milliseconds, number, span

_REACHED = "it comes there"
_SHORTEST_S = 1e-3  # a time that differs by less is the same
_Keyed = TypeVar("_Keyed", Characteristic, Curve)


@dataclass(frozen=True)
class Change:
    """Something that is not as it was.

    Attributes:
        what: Role, quantity and direction.
        part: What of it: ``level``.
        old: In words; empty: it was not there.
        new: In words; empty: it is gone.
    """

    what: str
    part: str
    old: str
    new: str

    def __str__(self) -> str:
        what = f"{self.what}: {self.part}".removesuffix(": ")
        return f"{what}: {self.old or 'not there'} → {self.new or 'not there'}"


def compare(old: Sheet, new: Sheet) -> list[Change]:
    """What has changed; of a sheet that was not finished or is of a part only, that part."""
    changes = list(_unreached(old, new))
    for was, now in _pairs(old.characteristics, new.characteristics, _whole(new), _whole(old)):
        changes += _characteristic(was, now)
    for before, after in _pairs(old.curves, new.curves, _whole(new), _whole(old)):
        changes += _curve(before, after)
    return changes


def _unreached(old: Sheet, new: Sheet) -> Iterator[Change]:
    """The states that the BMS does not come into any more, or does now."""
    was, now = ({one.role: one.reason for one in s.left if one.role.startswith("state ")} for s in (old, new))
    for state in sorted({*was, *now}):
        if (state in was) != (state in now):
            yield Change(state, "", was.get(state, _REACHED), now.get(state, _REACHED))


def _whole(sheet: Sheet) -> bool:
    """Whether what it does not have is not there."""
    return sheet.complete and not sheet.facts.get("only")


def _pairs(
    old: Sequence[_Keyed], new: Sequence[_Keyed], all_new: bool, all_old: bool
) -> Iterator[tuple[_Keyed | None, _Keyed | None]]:
    """What belongs together; alone only where the other sheet would have it."""
    before, after = {one.key: one for one in old}, {one.key: one for one in new}
    for key, one in before.items():
        if key in after or all_new:
            yield one, after.get(key)
    for key, other in after.items():
        if key not in before and all_old:
            yield None, other


def _characteristic(old: Characteristic | None, new: Characteristic | None) -> Iterator[Change]:
    one = new or old
    if one is None:
        return
    what = f"{one.role}, {one.quantity} {one.direction}".rstrip()
    if old is None or new is None:
        yield Change(what, "answer", _said(old), _said(new))
        return
    if len(old.stages) != len(new.stages):
        yield Change(what, "stages", _said(old), _said(new))
    else:
        for index, (was, now) in enumerate(zip(old.stages, new.stages, strict=True), 1):
            part = f"stage {index}, " if len(old.stages) > 1 else ""
            yield from _stage(f"{what}", part, (was, now), new)
    yield from _clearing(what, (old.clearing, new.clearing), new)
    yield from _states(what, old, new)
    yield from _places(what, old, new)


def _said(one: Characteristic | None) -> str:
    if one is None:
        return ""
    return ", ".join(f"{_level(s.level, one)} after {milliseconds(s.reaction.median)}" for s in one.stages)


def _stage(what: str, part: str, pair: tuple[Stage, Stage], one: Characteristic) -> Iterator[Change]:
    old, new = pair
    if one.direction and _differ(old.level, new.level, one.lsb):
        by = number(new.level.acts - old.level.acts, one.lsb)
        told = f"{_level(new.level, one)} ({'' if by.startswith('-') else '+'}{by} {one.unit})"
        yield Change(what, f"{part}level", _level(old.level, one), told)
    yield from _reaction(what, f"{part}delay", old.reaction, new.reaction)
    if old.opens is not None and new.opens is not None:
        yield from _reaction(what, f"{part}contactors open", old.opens, new.opens)
    elif (old.opens is None) != (new.opens is None):
        was, now = ("" if seen is None else milliseconds(seen.median) for seen in (old.opens, new.opens))
        yield Change(what, f"{part}contactors open", was, now)
    for name in ("debounce", "forgets"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change(what, f"{part}{_NAMES[name]}", _span(before), _span(after))


_NAMES = {"debounce": "shortest pulse", "forgets": "a pulse is forgotten after"}


def _span(one: Span | None) -> str:
    return "" if one is None else span(one)


def _level(level: Level, one: Characteristic) -> str:
    return f"{number(level.acts, one.lsb)} {one.unit}".rstrip()


def _differ(old: Level, new: Level, lsb: float) -> bool:
    return abs(old.acts - new.acts) > 0.5 * lsb


def _reaction(what: str, part: str, old: Reaction, new: Reaction) -> Iterator[Change]:
    """Changed if the times that were seen do not overlap: both are of the same frames of the same bus."""
    apart = max(new.minimum - old.maximum, old.minimum - new.maximum)
    if apart > _SHORTEST_S:
        by = (new.median - old.median) * 1e3
        yield Change(what, part, milliseconds(old.median), f"{milliseconds(new.median)} ({by:+.0f} ms)")


def _clearing(what: str, pair: tuple[Clearing, Clearing], one: Characteristic) -> Iterator[Change]:
    old, new = pair
    if old.by != new.by:
        yield Change(what, "cleared by", old.by, new.by)
        return
    values = [None if c.clears is None else f"{number(c.clears, one.lsb)} {one.unit}".rstrip() for c in pair]
    if values[0] != values[1]:
        yield Change(what, "clears from", values[0] or "", values[1] or "")


def _states(what: str, old: Characteristic, new: Characteristic) -> Iterator[Change]:
    for state in sorted({*old.active, *new.active}):
        was, now = old.active.get(state), new.active.get(state)
        if was is not None and now is not None and was is not now:
            yield Change(what, f"in {state}", *("answered" if on else "not answered" for on in (was, now)))


def _places(what: str, old: Characteristic, new: Characteristic) -> Iterator[Change]:
    """Which places are unlike the others."""
    was, now = _unlike(old), _unlike(new)
    for which in sorted({*was, *now}):
        if (which in was) != (which in now):
            yield Change(
                what, f"at {which}", was.get(which, "as the others"), now.get(which, "as the others")
            )


def _unlike(one: Characteristic) -> Mapping[str, str]:
    first = one.stages[0].level
    return {
        place.which: "not answered" if place.level is None else _level(place.level, one)
        for place in one.places
        if place.level is None or (one.direction and _differ(place.level, first, one.lsb))
    }


def _curve(old: Curve | None, new: Curve | None) -> Iterator[Change]:
    one = new or old
    if one is None:
        return
    what = f"{one.role} over {one.quantity} {one.direction}".rstrip()
    if old is None or new is None:
        yield Change(what, "derating", "" if old is None else "there", "" if new is None else "there")
        return
    for part, was, now in (
        ("full", old.full, new.full),
        ("least", old.least, new.least),
        (
            "begins to fall",
            old.begins.holds if old.begins else None,
            new.begins.holds if new.begins else None,
        ),
        ("has fallen", old.ends.acts if old.ends else None, new.ends.acts if new.ends else None),
    ):
        if was is not None and now is not None and abs(was - now) > 1e-6 * max(abs(was), abs(now)):
            unit = one.role_unit if part in ("full", "least") else one.unit
            yield Change(what, part, f"{was:.6g} {unit}", f"{now:.6g} {unit}")
    if one.begins is None and old.points != new.points:
        yield from _points(what, old, new)


def _points(what: str, old: Curve, new: Curve) -> Iterator[Change]:
    """A curve without corners of its own: where it differs most."""
    was = dict(old.points)
    apart = [(abs(value - was[x]), x, was[x], value) for x, value in new.points if x in was]
    worst = max(apart, default=(0.0, 0.0, 0.0, 0.0))
    if worst[0] > 0:
        yield Change(
            what, f"at {worst[1]:.6g} {new.unit}", *(f"{value:.6g} {new.role_unit}" for value in worst[2:])
        )
