"""A small plant on a clock of its own, with short words for what the tests do to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import simpy

from twins.config import PackConfig, PlantConfig
from twins.pack import Pack
from twins.plant import Plant

MS = 1_000_000
S = 1_000_000_000


def charge_given(pack: Pack) -> float:
    """What each cell of a half full pack of 160 Ah has given through its terminals, in As."""
    books = pack.books()  # what self-discharge has taken is counted apart
    return 0.5 * 160.0 * 3600.0 - (books.charge_As + books.lost_As) / pack.cells


class World:
    """A plant of 16 cells; limits of drive and charger fit its 53 V."""

    def __init__(self, **changes: Any) -> None:
        pack = PackConfig("winston-lyp-160", series=16, soc=0.5)
        self.env = simpy.Environment(initial_time=0)
        self.plant = Plant(self.env, replace(PlantConfig(pack), **changes))

    def __getitem__(self, port: str) -> float:
        return self.plant.ports[port].value

    def __setitem__(self, port: str, value: float) -> None:
        self.plant.ports[port].write(value)

    def run(self, duration_ns: int) -> None:
        """Let time pass, up to and with what is due exactly at its end."""
        end_ns = int(self.env.now) + duration_ns
        while self.env.peek() <= end_ns:
            self.env.step()
        if end_ns > self.env.now:
            self.env.run(until=end_ns)

    def command(self, contactor: str, closed: bool) -> None:
        self[f"contactor.{contactor}.command"] = float(closed)

    def connect(self) -> None:
        """Through precharge to closed main contactors."""
        self.command("main_minus", True)
        self.command("precharge", True)
        self.run(2 * S)
        self.command("main_plus", True)
        self.run(100 * MS)
        self.command("precharge", False)
        self.run(100 * MS)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World
