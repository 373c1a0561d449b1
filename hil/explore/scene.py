"""What is known at an instant of a life: the last word of the BMS, what it was told and asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.clock import NS_PER_MS, NS_PER_S
from hil.explore.cause import NEVER_NS, causes_of

if TYPE_CHECKING:
    from hil.responses.signals import Values
    from hil.rig.rig import Rig
    from hil.rig.roles import Role

_SOC_NS = 10 * NS_PER_S  # a SOC is found by then
_RECENT_NS = NS_PER_S
_LOOK_BACK_NS = NS_PER_S  # what was said before the life began
SLACK_NS = 100 * NS_PER_MS  # beyond two cycles of a message: for steps of the firmware and the bus

_FOLLOWED = (
    "state",
    "fault",
    "fault.",
    "contactor.",
    "limit.",
    "soc",
    "first_fault",
    "dtc.count",
    "balancing[",
)


class Scene:
    """The present of a life, kept up to date frame by frame.

    Args:
        rig: The rig in its world.

    Attributes:
        said: Last number of each role that is followed.
        before: That of the frame before it; of a role's first frame the same.
        causes: What may make the BMS report a fault, by limit.
        lacking: Limits whose cause cannot be followed, and why.
        state: Name of the BMS's state; empty: it said none, or one that the rig file does not know.
        state_ns: Since when.
        powered_ns: When its supply last came.
        cold: Whether it began with an empty memory then.
        mode: Name of what is asked of it, as on the wire.
        mode_ns: Since when.
        reset_ns: Last rising edge of the reset request in mode standby, on the wire.
        mended_ns: Since when nothing is broken; ``None``: something is.
        settle_ns: How long after ``mended_ns`` what was broken is surely gone for the BMS.
        honest: Whether all that the BMS was told since its cold start is true.
        soc_settled: Whether it had time to find its SOC before it was last switched off.
        talking: Cyclic messages of the BMS that came at all.
        untrusted_ns: Until when messages were disturbed, so that causes are not known.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.limits = rig.config.limits
        self.roles = {n: r for n, r in rig.config.roles.items() if n.startswith(_FOLLOWED)}
        self.causes, self.lacking = causes_of(rig)
        self.said: dict[str, float] = {}
        self.before: dict[str, float] = {}
        self.heard_ns: dict[str, int] = {}
        self.state, self.state_ns = "", 0
        self.powered_ns, self.cold = rig.now_ns - _LOOK_BACK_NS, True
        self.mode, self.mode_ns, self.reset_ns = "standby", 0, NEVER_NS
        self.mended_ns: int | None = 0
        self.settle_ns = 0
        self.untrusted_ns = NEVER_NS
        self.honest = True
        self.soc_settled = False
        self.talking: set[str] = set()
        self.now_ns = rig.now_ns
        self._reset = 0.0
        self._seen_ns = self.powered_ns
        self._by_message: dict[str, list[Role]] = {}
        for role in self.roles.values():
            self._by_message.setdefault(role.message, []).append(role)
        self._requests = [
            (self._index(r), r)
            for n, r in rig.config.requests.items()
            if n in ("mode", "reset") and rig.config.manner(n).owns_signal
        ]
        self._told = {m for cause in self.causes.values() for m in cause.sources}
        self._asked = {role.message for _, role in self._requests}
        self._startup_ns = self._extra_ns("startup")

    def _index(self, role: Role) -> int:
        return self.rig.config.buses[role.bus].database.messages[role.message].signals[role.signal].index

    def _extra_ns(self, name: str) -> int:
        limit = self.limits.get(name)
        return int(limit.delay_ns or 0) if limit is not None else 2000 * NS_PER_MS

    @property
    def ready_ns(self) -> int:
        """When it must have started."""
        return self.powered_ns + self._startup_ns

    def cycle_ns(self, role: str) -> int:
        """In what time a role comes again."""
        return self.rig.cycle_ns(role)

    def powered(self, at_ns: int, *, cold: bool) -> None:
        """The BMS starts anew."""
        self.soc_settled = (
            at_ns - self.powered_ns > _SOC_NS and self.heard_ns.get("soc", NEVER_NS) > at_ns - _RECENT_NS
        )
        self.powered_ns, self.cold = at_ns, cold
        self.state, self.state_ns = "", at_ns
        self.before.clear()
        for cause in self.causes.values():
            cause.forget()

    def distrust(self, until_ns: int) -> None:
        """What is sent until then need not be heard."""
        self.untrusted_ns = max(self.untrusted_ns, until_ns)
        for cause in self.causes.values():
            cause.forget()

    def news(self) -> Iterator[tuple[int, str]]:
        """Takes all frames since the last time; after each of the BMS's, its timestamp and message."""
        for t_ns, message, values in self._rows():
            self.now_ns = t_ns
            if message in self._told and t_ns > self.untrusted_ns:
                self._tell(t_ns, message, values)
            if message in self._asked:
                self._ask(t_ns, message, values)
            if message in self._by_message and t_ns > self.powered_ns:
                self._hear(t_ns, message, values)
                yield t_ns, message
        arrivals = self.rig.messages.arrivals
        silent = self.rig.messages.of_bms().keys() - self.talking
        self.talking.update(message for message in silent if arrivals(message, self.powered_ns))
        self.now_ns = self._seen_ns = self.rig.now_ns

    def _rows(self) -> list[tuple[int, str, Values]]:
        """All frames that matter since the last time, in their order."""
        samples, since_ns = self.rig.messages.samples, self._seen_ns
        messages = sorted(self._by_message.keys() | self._told | self._asked)
        rows = [(t_ns, name, values) for name in messages for t_ns, values in samples(name, since_ns)]
        rows.sort(key=lambda row: row[0])
        return rows

    def _tell(self, t_ns: int, message: str, values: Values) -> None:
        for cause in self.causes.values():
            if message in cause.sources:
                cause.take(t_ns, message, values)

    def _hear(self, t_ns: int, message: str, values: Values) -> None:
        said = self.said
        for role in self._by_message[message]:
            value = role.reading.of(values)
            if value is None:
                continue
            name = role.name
            self.before[name] = said[name] if name in self.before else value
            said[name] = value
            self.heard_ns[name] = t_ns
            if name == "state":
                known = next((n for n, number in (role.values or {}).items() if number == value), "")
                if known != self.state:
                    self.state, self.state_ns = known, t_ns

    def _ask(self, t_ns: int, message: str, values: Values) -> None:
        for index, role in self._requests:
            value = values[index]
            if role.message != message or value is None:
                continue
            if role.name == "mode":
                mode = role.name_of(value)
                if mode != self.mode:
                    self.mode, self.mode_ns = mode, t_ns
            else:
                if value and not self._reset:
                    self.reset_ns = t_ns
                self._reset = value

    def asked(self, name: str, value: str | float, at_ns: int) -> None:
        """What has no signal of its own is asked, by steps that no frame tells of."""
        if self.rig.config.manner(name).owns_signal:
            return
        if name == "mode" and value != self.mode:
            self.mode, self.mode_ns = str(value), at_ns
        elif name == "reset":
            self.reset_ns = at_ns

    def current(self, t_ns: int) -> float | None:
        """Pack current in A as last told to the BMS, if it was lately."""
        cause = self.causes.get("overcurrent_discharge")
        if cause is None or cause.value is None or t_ns - cause.value_ns > 200 * NS_PER_MS:
            return None
        return cause.value

    def rises(self, role: str) -> bool:
        """Whether the last frame set it, and the one before it, since the same start, did not."""
        return bool(self.said.get(role)) and not self.before.get(role, 1.0)

    def falls(self, role: str) -> bool:
        """The other way round."""
        return not self.said.get(role, 1.0) and bool(self.before.get(role))

    def set_roles(self, kind: str) -> list[str]:
        """The roles of a kind, such as ``fault.``, that are set."""
        return [name for name, value in self.said.items() if name.startswith(kind) and value]
