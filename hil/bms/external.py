"""The BMS of somebody else: it is on the bus, and the rig neither starts nor ends it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from hil.bus.medium import Medium
from hil.errors import FirmwareError

SWITCH_S = 10.0  # for a switch to do its work
_LINES = 3


class ExternalBms:
    """A BMS that is there already; it can only be power-cycled if the rig file names a switch.

    Args:
        switch_on: Program and arguments that switch its supply on, such as a relay's tool; empty: none.
        switch_off: The same for switching it off.
        timeout_s: Time that a switch may take.
    """

    def __init__(
        self,
        switch_on: Sequence[str] = (),
        switch_off: Sequence[str] = (),
        timeout_s: float = SWITCH_S,
    ) -> None:
        self._switch_on = tuple(switch_on)
        self._switch_off = tuple(switch_off)
        self._timeout_s = timeout_s

    @property
    def can_switch(self) -> bool:
        """Whether the rig can switch it off and on again."""
        return bool(self._switch_on and self._switch_off)

    def __str__(self) -> str:
        if self.can_switch:
            return f"an external BMS, switched by {self._switch_on[0]}"
        return "an external BMS: the rig does not switch it, so that it keeps its state and its fault memory"

    def attach(self, medium: Medium) -> None:
        """It is on the bus by itself."""

    def power_on(self, *, cold: bool) -> None:  # noqa: ARG002 - its fault memory is out of reach
        """Switch it on, if there is a switch; its fault memory stays as it is.

        Raises:
            FirmwareError: If the switch fails.
        """
        self._switch(self._switch_on, "bms.switch_on")

    def power_off(self) -> None:
        """Switch it off, if there is a switch.

        Raises:
            FirmwareError: If the switch fails.
        """
        self._switch(self._switch_off, "bms.switch_off")

    def supply(self, on: bool) -> None:
        """Its supply is not the rig's."""

    def _switch(self, command: tuple[str, ...], key: str) -> None:
        if not command:
            return
        place = " ".join(command)
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self._timeout_s,
            )
        except subprocess.TimeoutExpired as error:
            raise FirmwareError(f"did not end within {self._timeout_s:g} s", place=place, key=key) from error
        except OSError as error:
            raise FirmwareError(f"cannot be started: {error.strerror}", place=place, key=key) from error
        if done.returncode != 0:
            said = " | ".join(done.stdout.decode(errors="replace").strip().splitlines()[-_LINES:])
            reason = f"exit status {done.returncode}: {said or 'it said nothing'}"
            raise FirmwareError(reason, place=place, key=key)
