"""Plays a script of acts on a fresh BMS, in a process of its own: firmware may crash or hang."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.bms.heartbeat import Heartbeat, read_heartbeat
from hil.bms.library import Firmware
from hil.checks.verdict import BmsFailure
from hil.errors import BmsError, FirmwareError, HookError, NotOfferedError, RigTroubleError
from hil.explore.act import Script
from hil.explore.life import Ended, Life
from hil.explore.violation import Violation
from hil.host.inline import InlineHost
from hil.rig.journal import Silent
from hil.rig.rig import Rig

if TYPE_CHECKING:
    from hil.rig.schema import RigConfig

_HANG_S = 60.0  # of this machine's time; a life takes a second
_FIRMWARE = "the firmware bears it"


@dataclass
class Outcome:
    """How a life went.

    Attributes:
        violation: What did not hold, if anything.
        bus_ns: How long it was, in bus time.
        seen: How often a state met a kind of act.
        trouble: What broke in the rig itself; the life says nothing then.
    """

    violation: Violation | None = None
    bus_ns: int = 0
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    trouble: str = ""


class Player:
    """Plays lives on a rig's BMS.

    Args:
        config: The rig file, in virtual time.
        seed: Of all noise.

    Raises:
        FirmwareError: If the firmware cannot be loaded.
    """

    def __init__(self, config: RigConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._firmware = Firmware(config.bms.firmware)

    def play(self, script: Script, ignored: frozenset[str]) -> Outcome:
        """Play a life; what is known already does not end it."""
        with tempfile.TemporaryDirectory(prefix="hil-life-") as folder:
            beat = Path(folder) / "beat"
            reading, writing = os.pipe()
            sys.stdout.flush()
            sys.stderr.flush()
            child = os.fork()
            if not child:
                os.close(reading)
                self._in_child(writing, script, ignored, beat)
            os.close(writing)
            try:
                return self._hear(child, reading, beat)
            finally:
                os.close(reading)

    def lacking(self) -> dict[str, str]:
        """What is not checked on this rig, and why."""
        host = InlineHost(self._config, self._firmware, Heartbeat(), None, self._seed, 0)
        try:
            return Life(Rig(self._config, host, Silent(), "")).lacking
        finally:
            host.stop()

    def _in_child(self, writing: int, script: Script, ignored: frozenset[str], beat: Path) -> None:
        code = 1
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # this process's parent ends it
                signal.signal(number, signal.SIG_IGN)
            outcome = self._live(script, ignored, Heartbeat(beat))
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(outcome, pipe)
            code = 0
        finally:
            os._exit(code)

    def _hear(self, child: int, reading: int, beat: Path) -> Outcome:
        parts: list[bytes] = []
        hangs = False
        try:
            while True:
                if not select.select([reading], [], [], _HANG_S)[0]:
                    hangs = True
                    break
                part = os.read(reading, 1 << 16)
                if not part:
                    break
                parts.append(part)
        finally:
            if hangs or sys.exc_info()[0] is not None:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if parts and not hangs:
            outcome: Outcome = pickle.loads(b"".join(parts))
            return outcome
        was_killed = not hangs and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        inside = read_heartbeat(beat) % 2 == 1 and not was_killed  # firmware does not do that to itself
        what = f"hangs for {_HANG_S:g} s" if hangs else f"ends with {_end_of(status)}"
        if not inside:
            return Outcome(trouble=f"the rig itself {what}")
        return Outcome(Violation(_FIRMWARE, "hang" if hangs else "crash", None, f"the firmware {what}"))

    def _live(self, script: Script, ignored: frozenset[str], heartbeat: Heartbeat) -> Outcome:
        host = InlineHost(self._config, self._firmware, heartbeat, None, self._seed, 0)
        outcome = Outcome()
        try:
            rig = Rig(self._config, host, Silent(), "")
            _play(rig, script, ignored, outcome)
        except Ended as end:
            outcome.violation = end.violation
        except BmsFailure as failure:
            check = failure.result.check
            outcome.violation = Violation("it starts in time", "", check, failure.result.actual, host.now_ns)
        except BmsError as error:
            outcome.violation = Violation(_FIRMWARE, _kind_of(error), None, error.reason, host.now_ns)
        except (FirmwareError, HookError) as error:
            outcome.trouble = str(error)
        except Exception:
            outcome.trouble = traceback.format_exc()
        outcome.bus_ns = host.now_ns
        return outcome


def _play(rig: Rig, script: Script, ignored: frozenset[str], outcome: Outcome) -> None:
    rig.power_on()
    life = Life(rig)
    life.ignored = ignored
    outcome.seen = life.seen
    for act in script:
        life.seen[life.scene.state, act.kind] += 1
        try:
            getattr(life, act.verb)(*act.arguments)
        except NotOfferedError:
            continue  # this rig has it not
    life.look()
    life.close()


def _kind_of(error: BmsError) -> str:
    """What the firmware did, without when and how much: two lives that end with the same are one finding."""
    what, is_timed, _ = error.reason.partition(" at bus time ")
    return what if is_timed else "flood"


def _end_of(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def require_fork() -> None:
    """Lives need processes that begin as copies of this one.

    Raises:
        RigTroubleError: If the system has none.
    """
    if not hasattr(os, "fork"):
        raise RigTroubleError("hil explore needs a system with fork, such as Linux")
