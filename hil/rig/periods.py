"""A delay that is told as a count: so many events, one in each period."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from hil.errors import UnitError
from hil.frames.database import Message
from hil.rig.file_limits import LimitSection
from hil.rig.mistakes import Mistakes, suggest
from hil.units import time_ns


def delay_of(
    key: str, section: LimitSection, received: Mapping[str, Message], mistakes: Mistakes
) -> int | None:
    """A limit's delay in ns, as a time or as events times period; ``None`` where neither is given.

    Args:
        key: The limit's place in the rig file.
        section: The limit.
        received: Messages to the BMS by name, whose cycle a period may be.
        mistakes: Told what is wrong.
    """
    if section.events is None and section.period is None:
        return section.delay
    if section.delay is not None:
        given = "events" if section.events is not None else "period"
        remedy = "keep one of them; `delay = false` takes away one that is inherited"
        mistakes.add(f"{key}.{given}", "the limit has a delay already", remedy)
        return section.delay
    if section.period is None:
        mistakes.add(f"{key}.events", "there is no period", 'such as period = "100 ms", or a message')
        return None
    period_ns = _period(f"{key}.period", section.period, received, mistakes)
    if section.events is None:
        mistakes.add(f"{key}.period", "there are no events", "such as events = 5")
        return None
    return None if period_ns is None else section.events * period_ns


def _period(key: str, text: str, received: Mapping[str, Message], mistakes: Mistakes) -> int | None:
    """A time, or the cycle of a message, or of several that have the same one: ``CM_*``."""
    cycles = {message.cycle_ns for name, message in received.items() if fnmatchcase(name, text)}
    if not cycles:
        return _time(key, text, received, mistakes)
    if None in cycles or 0 in cycles:
        mistakes.add(key, f"{text} has no cycle", 'give a time, such as "100 ms"')
    elif len(cycles) > 1:
        mistakes.add(key, f"the messages {text} have several cycles", "name one of them, or give a time")
    else:
        return cycles.pop()
    return None


def _time(key: str, text: str, received: Mapping[str, Message], mistakes: Mistakes) -> int | None:
    try:
        period_ns = time_ns(text)
    except UnitError as error:
        is_time = text[:1].isdigit() or text[:1] in "+-."
        reason = error.reason if is_time else f"{text!r} is no time, and no message to the BMS is called so"
        mistakes.add(key, reason, error.remedy if is_time else suggest(text, received, "messages to the BMS"))
        return None
    if period_ns == 0:
        mistakes.add(key, "is zero", 'such as period = "100 ms"')
        return None
    return period_ns
