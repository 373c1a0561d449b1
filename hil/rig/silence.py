"""Why nothing is known of a role, as far as the bus tells: silence, nonsense and floods are told apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hil.checks.check import UNHEARD
from hil.host.crowd import WINDOW_NS, Crowd, crowd_of, is_of_bms, name_of

if TYPE_CHECKING:
    from hil.host.contract import Host
    from hil.responses.signals import Flaw
    from hil.rig.roles import Role
    from hil.rig.schema import RigConfig

_FLAWS: dict[Flaw, str] = {
    "crc": "a wrong checksum",
    "repeated": "a counter that stands still",
    "invalid": "a counter that its protection does not have",
    "length": "a wrong length",
    "layout": "too few bytes",
}
_SHOWN = 4  # identifiers in a sentence


class Silence:
    """Looks into why a role is not heard of.

    Args:
        config: The rig file.
        host: Where the buses run.
    """

    def __init__(self, config: RigConfig, host: Host) -> None:
        self._config = config
        self._host = host

    def why(self, role: Role, since_ns: int) -> str:
        """Why no frame said anything of a role since an instant; empty if the bus does not tell.

        Of a message of the rig, which is nobody's failure, nothing is said.
        """
        message = self._config.buses[role.bus].database.messages[role.message]
        if self._config.bms.node not in message.senders:
            return ""
        crowd = self.crowd(role.bus)
        told = [
            self._broken(role, since_ns),
            self.rejected(role, since_ns) or self._mute(role, since_ns),
            str(crowd or ""),
        ]
        return "; ".join(filter(None, told)) or self._others(role.bus, since_ns)

    def doubts(self, role: Role, since_ns: int) -> str:
        """What speaks against what was heard of a role since an instant; empty if nothing does."""
        return "; ".join(filter(None, [self.rejected(role, since_ns), str(self.crowd(role.bus) or "")]))

    def rejected(self, role: Role, since_ns: int) -> str:
        """The frames of a role's message that were not believed since an instant, and why; empty if none."""
        flaws = self._host.rejected(role.bus, role.message, since_ns)
        if not flaws:
            return ""
        good = len(self._host.history(role.bus, role.message, since_ns))
        total = flaws.total()
        frames = f"{total} frames of {role.message} came" if total > 1 else f"1 frame of {role.message} came"
        if len(flaws) == 1:
            return f"{frames}{', all' if total > 1 and not good else ''} with {_FLAWS[next(iter(flaws))]}"
        kinds = ", ".join(f"{count} with {_FLAWS[flaw]}" for flaw, count in flaws.most_common())
        return f"{frames} that are not to be believed: {kinds}"

    def crowd(self, bus: str) -> Crowd | None:
        """Whether the BMS fills a bus."""
        now_ns, config = self._host.now_ns, self._config
        frames = self._host.heard(bus, now_ns - WINDOW_NS)
        return crowd_of(config.buses[bus], config.bms.node, frames, now_ns)

    def _broken(self, role: Role, since_ns: int) -> str:
        """That long messages of a role did not get through, and why the last one; empty if none was."""
        broken = self._host.broken(role.bus, role.message, since_ns)
        if not broken:
            return ""
        times = "once" if len(broken) == 1 else f"{len(broken)} times"
        return f"{role.message} broke off {times}, at last: {broken[-1][1]}"

    def _mute(self, role: Role, since_ns: int) -> str:
        """Good frames came that say nothing of the role: they are of other pages."""
        count = len(self._host.history(role.bus, role.message, since_ns))
        return f"{count} frames of {role.message} came, none of them with it" if count else ""

    def _others(self, bus: str, since_ns: int) -> str:
        """What else the BMS sent meanwhile."""
        heard: dict[str, Counter[int]] = {}
        for name in self._config.buses:
            frames = self._host.heard(name, since_ns)
            heard[name] = Counter(frame.key for frame in frames if is_of_bms(frame) and not frame.remote)
        if not any(heard.values()):
            return UNHEARD
        layout = self._config.buses[bus]
        unknown = [key for key, _ in heard[bus].most_common() if key not in layout.database.by_key]
        if not unknown or len(unknown) < len(heard[bus]):
            return ""
        names = ", ".join(name_of(layout, key) for key in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        return f"on bus {bus!r} it sends {names}{more}, which no DBC file has"
