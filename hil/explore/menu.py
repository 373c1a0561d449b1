"""What a rig lets happen in a life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.suite.protections import PROTECTIONS, family_of

if TYPE_CHECKING:
    from hil.rig.schema import RigConfig

_MORE = ("interlock", "deep_discharge")


@dataclass(frozen=True)
class Menu:
    """What may happen.

    Attributes:
        modes: What may be asked of the BMS.
        limits: What may be broken, by the limit that forbids it.
        messages: What may be lost, one of each family.
        drives: Whether there is a drive, and what it may draw is promised.
        charges: Whether there is a charger that obeys the BMS.
        resets: Whether there is a reset request.
        supply: Whether there is an auxiliary supply.
    """

    modes: tuple[str, ...]
    limits: tuple[str, ...]
    messages: tuple[str, ...]
    drives: bool
    charges: bool
    resets: bool
    supply: bool


def menu_of(config: RigConfig) -> Menu:
    """What a rig's file has for lives."""
    mode = config.requests.get("mode")
    modes = tuple(mode.values or ()) if mode is not None else ()
    timeout = config.limits.get("frame_timeout")
    ports = {wire.port for wire in config.wires}
    offers = {"discharge_current", "charge_current"} <= config.limits.keys()
    return Menu(
        modes,
        tuple(_breakable(config)),
        tuple({family_of(message): message for message in (timeout.messages if timeout else ())}.values()),
        offers and "operate" in modes and "drive.enable" in ports,
        "charge" in modes and "charger.control" in ports,
        "reset" in config.requests,
        config.plant.supply is not None,
    )


def _breakable(config: RigConfig) -> Iterator[str]:
    for name in (*PROTECTIONS, *_MORE):
        limit = config.limits.get(name)
        if limit is None or limit.delay_ns is None or f"fault.{name}" not in config.roles:
            continue
        if name == "interlock" or limit.has("threshold"):
            yield name
