"""The host in virtual time: a world in the test's own process, firmware in lock-step.

Each test gets a world of its own, built anew on the same time line, so that nothing of one test can reach
the next; only the trace and the clock go on.
"""

from __future__ import annotations

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware, LibraryBms
from hil.bus.open import close_medium, open_medium
from hil.clock import VirtualClock
from hil.host.world import World
from hil.responses.trace import TraceWriter
from hil.rig.schema import RigConfig


class InlineHost(World):
    """A world in virtual time.

    Args:
        rig: The rig file.
        firmware: The BMS under test.
        heartbeat: The supervisor's sign of life.
        trace: Where every frame goes, if anywhere.
        seed: Of all noise in this world.
        start_ns: Where on the run's time line this world begins.

    Attributes:
        lead_ns: How long the bus is alive before the BMS is switched on: how their cycles lie to each other.
    """

    lead_ns = 0

    def __init__(
        self,
        rig: RigConfig,
        firmware: Firmware,
        heartbeat: Heartbeat,
        trace: TraceWriter | None,
        seed: int,
        start_ns: int,
    ) -> None:
        clock = VirtualClock(start_ns)
        media = {name: open_medium(name, bus, clock, seed) for name, bus in rig.buses.items()}
        bms = LibraryBms(clock, firmware, rig.bms.step_ns, heartbeat)
        super().__init__(rig, clock, media, bms, trace, seed)

    def power_on(self, *, cold: bool = True) -> None:
        """Start the restbus and, after the lead, switch the BMS on."""
        if not self.lead_ns:
            super().power_on(cold=cold)
            return
        self.bms.power_off()  # it may be on, and would hear the restbus begin anew
        self.start_restbus()
        self.run_until(self.now_ns + self.lead_ns)
        self.switch_on(cold=cold)

    def stop(self) -> None:
        """Go to the safe state and switch off; the buses are no longer found by name."""
        try:
            super().stop()
        finally:
            for station in self.stations.values():
                close_medium(station.medium)
