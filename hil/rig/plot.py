"""What the report draws for a test: stimulus, reactions and limit around the tightest check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.clock import NS_PER_MS
from hil.errors import FrameError
from hil.rig.absence import Seen
from hil.rig.observe import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.bus.frame import Frame
    from hil.checks.check import CheckResult
    from hil.frames.database import Signal
    from hil.host.contract import Host
    from hil.host.stimulus import Carrier, Stimulus
    from hil.responses.signals import Values
    from hil.rig.roles import Role

_PAD = 0.25  # of the reaction's span, before and after
_PAD_MIN_NS = 150 * NS_PER_MS
_POINTS = 600  # per series; the report thins them out further


@dataclass(frozen=True)
class _Expected:
    role: str
    stimulus: Stimulus
    result: CheckResult

    @property
    def tightness(self) -> float:
        """Margin as a share of the limit; a failure is the tightest of all."""
        if not self.result.ok or self.result.margin is None or not self.result.limit:
            return -1.0
        return self.result.margin / self.result.limit


class PlotBuilder:
    """Collects what was judged in one test.

    Args:
        host: Where the buses run.
        observer: Finds roles on them.
    """

    def __init__(self, host: Host, observer: Observer) -> None:
        self._host = host
        self._observer = observer
        self._expected: list[_Expected] = []
        self._tracked: list[tuple[Role, str, list[Seen]]] = []

    def expected(self, role: str, stimulus: Stimulus | None, result: CheckResult) -> None:
        """An expectation was judged."""
        if stimulus is not None:
            self._expected.append(_Expected(role, stimulus, result))

    def track(self, role: Role, port: str, scale: float) -> None:
        """Keep the truth beside each frame of a role from now on."""
        rows: list[Seen] = []

        def watch(frame: Frame, _values: Values) -> None:
            rows.append((frame.t_ns, self._host.read(port) * scale))

        self._host.subscribe(role.bus, role.message, watch)
        self._tracked.append((role, port, rows))

    def build(self, now_ns: int) -> Mapping[str, Any] | None:
        """The plot, or nothing if nothing was judged over time."""
        if self._tracked:
            return self._truth_plot(now_ns)
        if not self._expected:
            return None
        tightest = min(self._expected, key=lambda item: item.tightness)
        group = [e for e in self._expected if e.stimulus is tightest.stimulus]
        return self._reaction_plot(tightest.stimulus, group, now_ns)

    def _truth_plot(self, now_ns: int) -> Mapping[str, Any]:
        series = []
        start_ns = now_ns
        for role, port, truth in self._tracked:
            if not truth:
                continue
            start_ns = min(start_ns, truth[0][0])
            seen = self._observer.since(role, truth[0][0] - 1)
            series.append(_series(role.name, "reaction", role.unit, seen, None))
            series.append(_series(f"{port} (truth)", "truth", role.unit, truth, None, steps=False))
        return _plot(start_ns, now_ns, series, [], [])

    def _reaction_plot(
        self, stimulus: Stimulus, group: list[_Expected], now_ns: int
    ) -> Mapping[str, Any]:
        zero_ns = stimulus.on_wire_ns or stimulus.applied_ns
        last_ns = max([e.result.t_ns or now_ns for e in group])
        pad_ns = max(int((last_ns - zero_ns) * _PAD), _PAD_MIN_NS)
        start_ns, end_ns = zero_ns - pad_ns, min(now_ns, last_ns + pad_ns)
        series = self._stimulus_series(stimulus, start_ns, end_ns)
        marks = [{"label": "stimulus", "t_ns": zero_ns}]
        limits = []
        for item in {e.role: e for e in group}.values():
            role = self._observer.role(item.role)
            rows = [row for row in self._observer.since(role, start_ns) if row[0] <= end_ns]
            series.append(_role_series(role, self._observer.signal(role), rows))
            if item.result.ok and item.result.t_ns is not None:
                marks.append({"label": item.role, "t_ns": item.result.t_ns})
            limits += self._limit_lines(item.role)
        return _plot(start_ns, end_ns, series, limits, marks)

    def _stimulus_series(self, stimulus: Stimulus, start_ns: int, end_ns: int) -> list[Any]:
        for carrier in stimulus.carriers:
            if carrier.signal:
                signal = self._signal(carrier)
                rows = self._carried(carrier, signal, start_ns, end_ns)
                names = _choices(signal)
                label = f"{carrier.message}.{carrier.signal}"
                return [_series(label, "stimulus", signal.unit, rows, names)]
        return []

    def _signal(self, carrier: Carrier) -> Signal:
        return self._host.database(carrier.bus).messages[carrier.message].signals[carrier.signal]

    def _carried(
        self, carrier: Carrier, signal: Signal, start_ns: int, end_ns: int
    ) -> list[Seen]:
        decode = self._host.database(carrier.bus).messages[carrier.message].decode
        rows = []
        for frame in self._host.frames(carrier.bus, carrier.key, start_ns, end_ns):
            try:
                value = decode(frame.data)[signal.index]
            except FrameError:
                continue
            if value is not None:
                rows.append((frame.t_ns, float("nan") if signal.is_absent(value) else value))
        return rows

    def _limit_lines(self, role: str) -> list[dict[str, Any]]:
        kind, _, name = role.partition(".")
        limit = self._observer.limits.get(name)
        level = {"fault": "threshold", "warning": "warning"}.get(kind)
        if limit is None or level is None or not limit.has(level):
            return []
        value = limit.number(level)
        label = "threshold" if kind == "fault" else "warning level"
        return [{"label": f"{name} {label}", "value": value, "unit": limit.unit}]


def _role_series(role: Role, signal: Signal, rows: list[Seen]) -> dict[str, Any]:
    names = None
    if role.values:
        names = {f"{number:g}": name for name, number in role.values.items()}
    elif signal.length == 1:
        names = {"0": "clear", "1": "set"}
    return _series(role.name, "reaction", role.unit, rows, names)


def _choices(signal: Signal) -> dict[str, str] | None:
    if not signal.choices or signal.length > 4:
        return None
    return {f"{value:g}": text for value, text in signal.value_names.items()}


def _series(
    label: str,
    kind: str,
    unit: str,
    rows: list[Seen],
    names: Mapping[str, str] | None,
    *,
    steps: bool = True,
) -> dict[str, Any]:
    step = max(1, len(rows) // _POINTS)
    kept = rows[::step]
    return {
        "label": label,
        "kind": kind,
        "unit": unit,
        "steps": steps,
        "names": names,
        "t_ns": [t for t, _ in kept],
        "v": [None if v != v else v for _, v in kept],  # noqa: PLR0124 - NaN
    }


def _plot(
    from_ns: int, to_ns: int, series: list[Any], limits: list[Any], marks: list[Any]
) -> dict[str, Any]:
    return {"from_ns": from_ns, "to_ns": to_ns, "series": series, "limits": limits, "marks": marks}
