"""Calls the hooks of a rig file: what goes wrong in one is its own doing, and one that hangs is ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from hil.clock import NS_PER_S
from hil.errors import BmsError, HealthError, HookError, RigTroubleError
from hil.rig.own_code import Overdue, TimeLimit, told, where
from hil.units import say

if TYPE_CHECKING:
    from hil.host.contract import Host
    from hil.rig.hooks import Hook, Hooks

_PIECE_NS = NS_PER_S  # of bus time: a hook that waits for the rig is ended after so much of it
_GIVEN_UP = 2  # a hook that hung so often in a row would hang in all the tests to come


class Noting(Protocol):
    """What a hook gets, as far as it matters here: a :class:`hil.rig.rig.Rig`."""

    def step(self, text: str) -> None:
        """Note in the record what happens."""


class Hooked:
    """The hooks of a run.

    Args:
        hooks: Of the rig file; ``None``: it has none.
        on_deadline: Told until when a hook has to be over, on the computer's monotonic clock in ns; 0: it is.
    """

    def __init__(self, hooks: Hooks | None, on_deadline: Callable[[int], None] | None = None) -> None:
        self._hooks = hooks
        self._limit = TimeLimit(hooks.path if hooks is not None else Path(), on_deadline)
        self._running: set[str] = set()
        self._overdue: Counter[str] = Counter()

    def limited(self, host: Host) -> Host:
        """The host as hooks are to use it: one that waits for it without end is ended."""
        return host if self._hooks is None else cast("Host", _LimitedHost(host, self._limit))

    def has(self, name: str) -> bool:
        """Whether a call of this hook would do something; one that is running is not called by itself."""
        return self._hooks is not None and name in self._hooks.functions and name not in self._running

    def call(self, name: str, rig: Noting, *arguments: object) -> None:
        """Call a hook, if there is one.

        Raises:
            HookError: If it raises, whatever that is, or does not come to its end in time.
            BmsError, RigTroubleError: If the BMS or the rig itself broke; that is not the hook's doing.
        """
        if self._hooks is None or not self.has(name):
            return
        said = ", ".join(str(argument) for argument in arguments)
        rig.step(f"hook {name}: {said}" if said else f"hook {name}")
        self._running.add(name)
        try:
            self._run(self._hooks, name, self._hooks.functions[name], (rig, *arguments))
        except HookError as error:
            rig.step(f"hook {error.key} {error.reason}")
            raise
        finally:
            self._running.discard(name)

    def _run(self, hooks: Hooks, name: str, hook: Hook, arguments: Sequence[object]) -> None:
        path = hooks.path
        if self._overdue[name] >= _GIVEN_UP:
            raise self.error(name, f"is not called any more: it hung {_GIVEN_UP} times in a row")
        try:
            with self._limit.over(hooks.within_ns):
                hook(*arguments)
        except (KeyboardInterrupt, BmsError, RigTroubleError, HealthError, HookError):
            raise
        except Overdue as error:
            if self._limit.is_on:
                raise  # the hook around this one is overdue
            self._overdue[name] += 1
            reason = f"did not return within {say(hooks.within_ns, 'ns')}{where(error, path)}"
            remedy = "what may take longer needs more time: within, in [hooks]"
            raise self.error(name, reason, remedy) from error
        except BaseException as error:  # pytest.fail and sys.exit too: a hook has no say about the BMS
            raise self.error(name, f"raised {told(error, path)}") from error
        self._overdue[name] = 0

    def error(self, name: str, reason: str, remedy: str = "") -> HookError:
        """What is wrong with a hook, with its place."""
        place = str(self._hooks.path) if self._hooks is not None else ""
        return HookError(reason, place=place, key=name, remedy=remedy)


class _LimitedHost:
    """A host that can be left while time passes: see :class:`hil.rig.own_code.TimeLimit`."""

    def __init__(self, host: Host, limit: TimeLimit) -> None:
        self._host = host
        self._limit = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Let time pass, to the instant or until something lies in ``found``.

        Raises:
            Overdue: If the hook's time is up.
        """
        host, limit = self._host, self._limit
        while limit.is_on and instant_ns - host.now_ns > _PIECE_NS:
            limit.check()
            if host.run_until(host.now_ns + _PIECE_NS, found):
                return True
        limit.check()
        return host.run_until(instant_ns, found)
