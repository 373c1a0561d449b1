"""The BMS of somebody else: it is on the bus, and the rig neither starts nor ends it."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import IO

from hil.bms.process import KILL, end_group
from hil.bus.medium import Medium
from hil.clock import NS_PER_MS, NS_PER_S
from hil.errors import FirmwareError
from hil.realtime.sleep import sleep_until

SWITCH_S = 10.0  # for a switch to do its work
_LINES = 3
_LOOK_NS = 5 * NS_PER_MS


class ExternalBms:
    """A BMS that is there already; it can only be power-cycled if the rig file names a switch.

    Args:
        switch_on: Program and arguments that switch its supply on, such as a relay's tool; empty: none.
        switch_off: The same for switching it off.
        timeout_s: Time that a switch may take.
        pause: Lets time pass up to an instant of CLOCK_MONOTONIC in ns; the rig's loop may go on meanwhile.
    """

    def __init__(
        self,
        switch_on: Sequence[str] = (),
        switch_off: Sequence[str] = (),
        timeout_s: float = SWITCH_S,
        pause: Callable[[int], None] = sleep_until,
    ) -> None:
        self._switch_on = tuple(switch_on)
        self._switch_off = tuple(switch_off)
        self._timeout_s = timeout_s
        self._pause = pause

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
        with tempfile.TemporaryFile() as output:
            try:
                code = self._run(command, output)
            except OSError as error:
                reason = f"cannot be started: {error.strerror}"
                raise FirmwareError(reason, place=place, key=key) from error
            if code is None:
                raise FirmwareError(f"did not end within {self._timeout_s:g} s", place=place, key=key)
            if code != 0:
                output.seek(0)
                said = " | ".join(output.read().decode(errors="replace").strip().splitlines()[-_LINES:])
                raise FirmwareError(f"exit status {code}: {said or 'it said nothing'}", place=place, key=key)

    def _run(self, command: tuple[str, ...], output: IO[bytes]) -> int | None:
        """A program's exit code; ``None``: it was ended, for its time was up."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,  # a Ctrl-C must not end what switches the BMS off
        )
        end_ns = time.monotonic_ns() + round(self._timeout_s * NS_PER_S)
        try:
            while process.poll() is None and time.monotonic_ns() < end_ns:
                self._pause(time.monotonic_ns() + _LOOK_NS)
            return process.poll()
        finally:
            if process.poll() is None:
                end_group(process, KILL)
                process.wait()
