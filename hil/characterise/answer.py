"""One answer of the BMS to one lever, as a characteristic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hil.characterise.clearing import clearing
from hil.characterise.measure import Probe, Times, stage, stages
from hil.characterise.places import elsewhere
from hil.characterise.sheet import Characteristic
from hil.characterise.stimulus import Lever
from hil.characterise.survey import Heard
from hil.characterise.trial import Bench, seconds
from hil.clock import NS_PER_S


def characterise(bench: Bench, times: Times, heard: Heard, others: Sequence[Lever]) -> Characteristic | None:
    """Everything about an answer that was heard; ``None`` if it does not come again.

    Args:
        bench: Makes trials.
        times: How long an answer is waited for.
        heard: The answer, and to what.
        others: The same quantity at other places.
    """
    lever = heard.lever
    probe = Probe(bench, times, lever, heard.role, heard.state, heard.neutral, heard.farthest)
    opens = not heard.role.startswith("warning.")
    tried = [(near, far, stage(probe, near, far, opens=opens)) for near, far in stages(probe, heard.quiet)]
    found = [(near, far, one) for near, far, one in tried if one is not None]
    if not found:
        return None
    (near, far, first), (last_near, last_far, last) = found[0], found[-1]
    active = _active(probe, last_far, round(last.reaction.maximum * NS_PER_S))
    return Characteristic(
        heard.role,
        lever.quantity,
        lever.place,
        "" if lever.is_switch else ("rising" if probe.sign > 0 else "falling"),
        lever.unit,
        abs(lever.lsb),
        seconds(lever.cycle_ns),
        heard.state,
        tuple(one for _, _, one in found),
        clearing(probe, last_near, last_far),
        active=active,
        places=elsewhere(_soonest(probe, active), near, far, first, others) if others else (),
        curve=() if lever.is_switch else probe.curve(),
    )


def _soonest(probe: Probe, active: Mapping[str, bool]) -> Probe:
    """The same in standby, if it is answered there: a BMS comes there soonest."""
    return replace(probe, state="standby", _found={}) if active.get("standby") else probe


def _active(probe: Probe, raw: int, seen_ns: int) -> dict[str, bool]:
    """In which of the states that it comes into the BMS answers."""
    within_ns = probe.times.quick(seen_ns, probe.slack_ns)
    found = {}
    for state in probe.bench.states():
        if state == probe.state:
            found[state] = True
            continue
        found[state] = replace(probe, state=state, _found={}).answers(raw, within_ns)
    return found
