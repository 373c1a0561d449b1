"""A life: acts on a BMS, and invariants that are asked all the while.

A test file that the search has saved holds one::

    def test_it(rig):
        with living(rig) as life:
            life.breaks("interlock")
            life.heals()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import NotOfferedError
from hil.explore import invariants
from hil.explore.invariants import Invariant
from hil.explore.scene import Scene
from hil.explore.violation import Violation
from hil.suite.protections import PROTECTIONS
from hil.units import time_ns

if TYPE_CHECKING:
    from hil.rig.rig import Rig

_PIECE_NS = 5 * NS_PER_S  # frames are looked at after so long at the latest
_HOLD_NS = 500 * NS_PER_MS  # beyond what a fault may take
_SETTLE_NS = 2 * NS_PER_S  # beyond its delay a cause is surely gone after that
_ASK_NS = 1500 * NS_PER_MS  # a mode change is over, most times
_OFFERED = 0.95


class Life:
    """What is done to one BMS, and whether it bears it.

    Args:
        rig: The rig, its BMS switched on.

    Attributes:
        checked: The invariants that are asked.
        lacking: Those that are not, and why.
        seen: How often a kind of act met a state of the BMS.
        ignored: Findings that are known, which do not end the life.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.scene = Scene(rig)
        self.checked: list[Invariant] = []
        self.lacking: dict[str, str] = {f"cause of {n}": why for n, why in self.scene.lacking.items()}
        for maker in invariants.ALL:
            try:
                self.checked.append(maker(self.scene))
            except NotOfferedError as error:
                self.lacking[getattr(maker, "title", "")] = str(error)
        self.seen: Counter[tuple[str, str]] = Counter()
        self.ignored: frozenset[str] = frozenset()
        self._by_message: dict[str, list[tuple[Invariant, list[str]]]] = {}
        for invariant in self.checked:
            carried: dict[str, list[str]] = {}
            for role in invariant.roles:
                carried.setdefault(self.scene.roles[role].message, []).append(role)
            for message, roles in sorted(carried.items()):
                self._by_message.setdefault(message, []).append((invariant, roles))
        self._broken: dict[str, ExitStack] = {}
        self.look()

    # -- acts ---------------------------------------------------------------------------------

    def waits(self, duration: str) -> None:
        """Nothing is done."""
        self._pass(time_ns(duration))

    def asks(self, mode: str) -> None:
        """A mode is asked for: ``operate``, ``charge`` or ``standby``."""
        self._ask_for(mode)
        self._pass(_ASK_NS)

    def _ask_for(self, mode: str) -> None:
        stimulus = self.rig.request("mode", mode)
        self.scene.asked("mode", mode, stimulus.on_wire_ns or self.rig.now_ns)

    def drives(self, share: float, duration: str) -> None:
        """Driving is asked for, then a share of the current that is promised, below 0 into the pack."""
        rig = self.rig
        self.asks("operate")
        name = "discharge_current" if share > 0 else "charge_current"
        offered = self.scene.said.get(f"limit.{name}", rig.limits[name].threshold)
        rig.set("drive.enable", 1.0)
        rig.set("drive.current_request", share * min(_OFFERED * offered, rig.limits[name].threshold))
        self._pass(time_ns(duration))
        rig.set("drive.current_request", 0.0)
        rig.set("drive.enable", 0.0)
        self._pass(_HOLD_NS)

    def charges(self, duration: str) -> None:
        """The charger is plugged in, charging is asked for, and it is unplugged after it ends."""
        self.rig.set("charger.plugged", 1.0)
        self.asks("charge")
        self._pass(time_ns(duration))
        self.asks("standby")
        self.rig.set("charger.plugged", 0.0)
        self._pass(_HOLD_NS)

    def breaks(self, limit: str) -> None:
        """What a limit forbids is shown to the BMS for longer than its times; it stays until it is mended."""
        if limit in self._broken:
            self._pass(_HOLD_NS)
            return
        rig = self.rig
        promise = rig.limits[limit]
        stack = self._broken[limit] = ExitStack()
        self._breaking(promise.delay_ns or 0)
        if limit == "interlock":
            stack.enter_context(rig.fault("interlock"))
        elif limit == "deep_discharge":
            value = promise.threshold - 0.05
            stack.enter_context(rig.fault("cell.voltage", cell=rig.cells, value=value))
        else:
            protection = PROTECTIONS[limit]
            stack.enter_context(protection.provoke(rig, protection.past(rig, promise.threshold)))
        self._pass(_total_ns(self, limit) + _HOLD_NS)

    def loses(self, message: str) -> None:
        """A message does not come any more, for longer than its timeout; until it is mended."""
        if message in self._broken:
            self._pass(_HOLD_NS)
            return
        promise = self.rig.limits["frame_timeout"]
        stack = self._broken[message] = ExitStack()
        self._breaking(promise.messages[message])
        self.scene.distrust(1 << 62)
        stack.enter_context(self.rig.fault("frame.missing", message=message))
        self._pass(promise.messages[message] + (promise.reaction_ns or 0) + 2 * _HOLD_NS)

    def _breaking(self, delay_ns: int) -> None:
        scene = self.scene
        scene.mended_ns, scene.honest = None, False
        scene.settle_ns = max(scene.settle_ns, delay_ns + _SETTLE_NS)

    def mends(self, what: str = "") -> None:
        """What was broken, or all of it, is as before; long enough for the BMS to see it."""
        names = [what] if what else list(reversed(self._broken))
        for name in names:
            stack = self._broken.pop(name, None)
            if stack is not None:
                stack.close()
        if not self._broken and self.scene.mended_ns is None:
            self.scene.mended_ns = self.rig.now_ns
        if not any(name in self._messages() for name in self._broken):
            self.scene.untrusted_ns = min(self.scene.untrusted_ns, self.rig.now_ns + NS_PER_S)
        self._pass(2 * _HOLD_NS)

    def heals(self) -> None:
        """All is mended, the BMS is given time, put to standby and reset."""
        self.mends()
        self._ask_for("standby")
        self._pass(self.scene.settle_ns)
        self.resets()
        self.scene.settle_ns = 0

    def resets(self) -> None:
        """Standby is asked for, and a reset by its rising edge."""
        self._ask_for("standby")
        self._pass(_HOLD_NS)
        if self.rig.config.requests["reset"].message in self._broken:
            return  # it does not get through
        stimulus = self.rig.pulse_reset()
        self.scene.asked("reset", 1.0, stimulus.on_wire_ns or self.rig.now_ns)
        self._pass(_ASK_NS)

    def holds_reset(self) -> None:
        """The reset request is set, and stays so until the next reset."""
        self.rig.request("reset", True)
        self._pass(_HOLD_NS)

    def power_cycles(self, cold: bool) -> None:
        """The BMS is switched off and on, ``cold`` without its memory."""
        self.look()
        self.scene.powered(self.rig.now_ns, cold=cold)
        self._begin()
        self.rig.power_on(cold=cold, reaches="")
        if cold and not self._broken:
            self.scene.honest = True
        self._pass(self.scene.ready_ns - self.scene.powered_ns + 2 * NS_PER_S)

    def loses_supply(self, duration: str) -> None:
        """The supply is away for a time; the BMS starts anew with its memory."""
        self.look()
        lasts_ns = time_ns(duration)
        back_ns = self.rig.now_ns + lasts_ns
        self.scene.powered(back_ns, cold=False)
        self._begin()
        with self.rig.fault("supply.dip", value=0.0, lasts=duration):
            self._pass(lasts_ns + _HOLD_NS)
        self._pass(self.scene.ready_ns - self.scene.powered_ns + 2 * NS_PER_S)

    # -- looking ------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask all invariants about what has come since the last time.

        Raises:
            BmsFailure: If one does not hold.
        """
        for violation in self._violations():
            if violation.key not in self.ignored:
                raise Ended(violation)

    def _violations(self) -> Iterator[Violation]:
        heard_ns = self.scene.heard_ns
        for t_ns, message in self.scene.news():
            for invariant, roles in self._by_message.get(message, ()):
                # not every frame of a message has each of its roles: one page does, or one state
                if any(heard_ns.get(role) == t_ns for role in roles):
                    yield from invariant.broken(t_ns)
        for invariant in self.checked:
            yield from invariant.later(self.rig.now_ns)

    def _pass(self, span_ns: int) -> None:
        while span_ns > 0:
            piece_ns = min(span_ns, _PIECE_NS)
            self.rig.run_for(piece_ns)
            span_ns -= piece_ns
            self.look()

    def _begin(self) -> None:
        for invariant in self.checked:
            invariant.begins()

    def _messages(self) -> frozenset[str]:
        limit = self.rig.config.limits.get("frame_timeout")
        return frozenset(limit.messages) if limit is not None else frozenset()

    def close(self) -> None:
        """Mend what is broken."""
        for stack in reversed(self._broken.values()):
            stack.close()
        self._broken.clear()


class Ended(Exception):
    """An invariant did not hold."""

    def __init__(self, violation: Violation) -> None:
        self.violation = violation
        super().__init__(violation.text)


def _total_ns(life: Life, limit: str) -> int:
    """Delay and reaction of a limit, and for the sensor to have shown it."""
    promise = life.rig.limits[limit]
    sensor_ns = int(promise.extra.get("valid_within", 0))
    return (promise.delay_ns or 0) + (promise.reaction_ns or 0) + sensor_ns + _HOLD_NS


@contextmanager
def living(rig: Rig) -> Iterator[Life]:
    """A life of a BMS that is switched on, in standby; its invariants are asked until the block ends.

    Raises:
        BmsFailure: If one does not hold.
    """
    life: Life | None = None
    failed = None
    try:
        life = Life(rig)
        yield life
        life.look()
    except Ended as end:
        failed = end.violation
    finally:
        if life is not None:
            life.close()
    if failed is not None:
        raise failed.failure()
