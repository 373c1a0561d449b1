"""A wire with its nodes, and all that was on it."""

from hil.bus.frame import Frame
from hil.bus.medium import Medium
from hil.clock import NS_PER_S, VirtualClock

BIT_NS = 2000  # at 500 kbit/s


class Wire:
    """A medium with all that was on it."""

    def __init__(self, names: str = "ab", seed: int = 0, bitrate: int = 500_000) -> None:
        self.clock = VirtualClock()
        self.medium = Medium(self.clock, bitrate=bitrate, seed=seed)
        self.seen: list[Frame] = []
        self.medium.taps.append(self.seen.append)
        self.heard: dict[str, list[Frame]] = {name: [] for name in names}
        self.nodes = [self.medium.attach(name, self.heard[name].append) for name in names]

    def run(self, seconds: float = 1.0) -> list[Frame]:
        self.clock.run_until(self.clock.now_ns + round(seconds * NS_PER_S))
        return self.seen
