# ruff: noqa: E501 - a table of tests, one a line
"""A run as it could be: 41 tests with all verdicts, plots and evidence, without a rig."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil.checks.check import (
    Agrees,
    Bounded,
    Check,
    CheckResult,
    Expect,
    FrameEvidence,
    Never,
    Stays,
    say,
)
from hil.errors import FirmwareError
from hil.host.stimulus import Stimulus
from hil.report.record import Event, Plot, Recorder, Series, read_events

MS, S = 1_000_000, 1_000_000_000

# file, function, first line of the docstring, cases, quantity, limit, unit, debounce and reaction ms
TESTS: list[tuple[str, str, str, list[int], tuple[float, float, str], tuple[int, int]]] = [
    ("voltage", "cell_overvoltage_opens_the_contactors[1]", "A cell above its limit opens the contactors in time.", [18, 20], (3.4, 3.65, "V"), (500, 100)),
    ("voltage", "cell_overvoltage_opens_the_contactors[48]", "A cell above its limit opens the contactors in time.", [18, 20], (3.4, 3.65, "V"), (500, 100)),
    ("voltage", "cell_overvoltage_opens_the_contactors[96]", "A cell above its limit opens the contactors in time.", [18, 20], (3.4, 3.65, "V"), (500, 100)),
    ("voltage", "cell_overvoltage_boundary", "The trip lies inside the threshold's tolerance.", [19], (3.6, 3.65, "V"), (500, 100)),
    ("voltage", "cell_undervoltage_opens_the_contactors", "A cell below its limit opens the contactors in time.", [21], (3.0, 2.5, "V"), (500, 100)),
    ("voltage", "deep_discharge_inhibits_charge", "A deeply discharged cell inhibits charge for good.", [22], (2.6, 2.0, "V"), (500, 100)),
    ("voltage", "warning_only_sets_the_flag", "A warning sets the flag and leaves the contactors alone.", [29], (3.4, 3.55, "V"), (500, 100)),
    ("voltage", "derating_lowers_the_advertised_limit", "The limiting level lowers the advertised current.", [30], (3.4, 3.6, "V"), (500, 100)),
    ("voltage", "transient_shorter_than_the_debounce", "A transient below the debounce does not trip.", [32], (3.4, 3.65, "V"), (500, 100)),
    ("voltage", "recovery_has_hysteresis", "No chatter at the threshold: release lies lower.", [33], (3.4, 3.45, "V"), (500, 100)),
    ("current", "discharge_overcurrent", "Too much discharge current opens the contactors in time.", [23], (320, 480, "A"), (150, 100)),
    ("current", "charge_overcurrent", "Too much charge current opens the contactors in time.", [24], (100, 200, "A"), (150, 100)),
    ("current", "short_regen_spike_does_not_trip", "A regeneration spike shorter than the debounce does not trip.", [24, 32], (100, 200, "A"), (150, 100)),
    ("temperature", "overtemperature_in_discharge", "A hot sensor opens the contactors in discharge.", [26, 28], (25, 55, "degC"), (5000, 500)),
    ("temperature", "overtemperature_in_charge", "The limit in charge is the lower one.", [26], (25, 50, "degC"), (5000, 500)),
    ("temperature", "undertemperature_inhibits_charge", "A cold pack takes no charge.", [27], (10, 0, "degC"), (5000, 500)),
    ("contactors", "precharge_follows_its_order", "Precharge: minus, precharge, plus, precharge off; in time.", [35], (0, 1, "s"), (1200, 800)),
    ("contactors", "precharge_times_out", "An open precharge path aborts and opens everything.", [36], (0, 300, "V"), (2000, 100)),
    ("contactors", "precharge_into_a_short", "A short on the link aborts precharge.", [36], (0, 60, "V"), (500, 100)),
    ("contactors", "welded_contactor_is_noticed[main_plus]", "A welded contactor is flagged and never closed again.", [37], (0, 1, ""), (250, 100)),
    ("contactors", "welded_contactor_is_noticed[main_minus]", "A welded contactor is flagged and never closed again.", [37], (0, 1, ""), (250, 100)),
    ("contactors", "stuck_open_aborts_precharge", "A contactor that stays open aborts precharge.", [38, 39], (0, 1, ""), (200, 100)),
    ("safety", "interlock_opens_the_contactors", "An open interlock opens the contactors in time.", [40], (1, 0.5, ""), (100, 100)),
    ("safety", "isolation_drop[plus]", "An isolation drop against either pole is reported in time.", [43], (800, 35, "kOhm"), (2000, 500)),
    ("safety", "isolation_drop[minus]", "An isolation drop against either pole is reported in time.", [43], (800, 35, "kOhm"), (2000, 500)),
    ("safety", "fault_needs_cause_gone_and_reset", "Neither a mended cause nor a reset alone ends the fault.", [45], (3.4, 3.65, "V"), (500, 100)),
    ("measurement", "every_cell_is_its_own", "No cell is swapped with another or read twice.", [2], (0, 0, ""), (0, 0)),
    ("measurement", "pack_voltage_agrees", "Pack voltage agrees with the sum of the cells.", [3], (0, 0, ""), (0, 0)),
    ("measurement", "current_agrees_in_both_signs", "The current agrees at zero, low and full scale, both signs.", [4], (0, 0, ""), (0, 0)),
    ("measurement", "temperatures_agree", "Each temperature sensor agrees.", [5], (0, 0, ""), (0, 0)),
    ("measurement", "soc_follows_a_drive_cycle", "State of charge follows a drive cycle within its tolerance.", [10], (0, 0, ""), (0, 0)),
    ("communication", "every_frame_in_its_cycle", "Every frame comes in its cycle.", [54, 55], (0, 0, ""), (0, 0)),
    ("communication", "missing_frame_is_noticed[CM_Voltages_1]", "A missing frame is noticed in time.", [56], (1, 0.5, ""), (500, 100)),
    ("communication", "missing_frame_is_noticed[IVT_Msg_Result_I]", "A missing frame is noticed in time.", [56], (1, 0.5, ""), (200, 100)),
    ("communication", "frozen_counter_is_rejected", "A frozen counter is rejected and reported after three frames.", [57], (1, 0.5, ""), (300, 100)),
    ("communication", "wrong_checksum_is_rejected", "A wrong checksum is rejected; the values are not used.", [57], (1, 0.5, ""), (300, 100)),
    ("sensors", "open_sense_wire[12]", "An open sense wire is diagnosed and its neighbours not trusted.", [46], (1, 0.5, ""), (500, 100)),
    ("sensors", "sensor_marked_invalid", "A value marked as not available is not used.", [53], (1, 0.5, ""), (500, 100)),
    ("charging", "charge_session_ends_complete", "A charge session ends by current at constant voltage.", [64], (0, 0, ""), (0, 0)),
    ("charging", "charger_goes_silent", "A charger that goes silent is stopped in time.", [66], (1, 0.5, ""), (5000, 500)),
    ("balancing", "balancing_evens_the_pack", "Balancing starts, evens the right cells, and stops.", [67], (0, 0, ""), (0, 0)),
]  # fmt: skip
CONTACTOR = {"0": "open", "1": "closed"}
FLAG = {"0": "clear", "1": "set"}
STATES = {"1": "standby", "2": "precharge", "3": "operate", "7": "fault"}


def sample(path: Path, *, seed: int = 7, bad: bool = True, crash: bool = False) -> list[Event]:
    """Write the sample run to ``path`` and read it back.

    Args:
        path: Where the record goes.
        seed: Of the noise and the margins.
        bad: With a test of each verdict; else all pass.
        crash: The firmware crashes in the fourth test from the end.
    """
    rng = random.Random(seed)
    with Recorder(path) as recorder:
        _head(recorder, seed)
        counts: dict[str, int] = {}
        now = 0
        for index, entry in enumerate(TESTS):
            if crash and index == len(TESTS) - 4:
                _start(recorder, entry, now)
                recorder.trouble(_crash())
                recorder.end(counts, 3, now)
                break
            verdict = _verdict(index) if bad else "pass"
            counts[verdict] = counts.get(verdict, 0) + 1
            now = _test(recorder, rng, entry, now, verdict)
        else:
            recorder.end(counts, 1 if bad else 0, now)
    return read_events(path)


def _crash() -> FirmwareError:
    return FirmwareError(
        "the firmware crashed in a step (signal 11)",
        place="rigs/reference_bms.so",
        key="bms.library",
        remedy="run it under a debugger with --trace and the same seed",
    )


def _verdict(index: int) -> str:
    return {1: "fail", 19: "fail", 30: "error", 31: "invalid", 36: "skipped", 40: "skipped"}.get(
        index, "pass"
    )


def _head(recorder: Recorder, seed: int) -> None:
    recorder.run(
        rig="laptop",
        title="Laptop: 96 cells of 160 Ah in series, reference BMS",
        seed=seed,
        date="2025-11-03T21:14:07+01:00",
        paths={"rig file": "rigs/laptop.toml", "output": "hil-out/laptop-20251103-211407"},
        versions={"bms-hil": "0.1.0", "python": "3.11.9", "cantools": "45.0", "python-can": "4.6"},
        dbc={
            name: f"{index:x}4c1f8a96d0b7e35" * 4
            for index, name in enumerate(("bms.dbc", "cell_monitor.dbc", "drive.dbc"))
        },
        firmware={"kind": "library", "file": "reference_bms.so", "abi": 1, "sha256": "9a3e" * 16},
        buses={"pack": {"interface": "sim", "bitrate": 500_000, "load": 0.312}},
        wiring=[
            {
                "port": f"cell_monitor.voltage[{k}]",
                "bus": "pack",
                "message": f"CM_Voltages_{(k - 1) // 4 + 1}",
                "signal": f"Cell{k:03}",
                "direction": "out",
                "scale": 1.0,
                "offset": 0.0,
            }
            for k in range(1, 97)
        ],
    )


def _start(recorder: Recorder, entry: Any, now: int) -> str:
    file, function, title, cases = entry[:4]
    test = f"hil/suite/test_{file}.py::test_{function}"
    recorder.test(test, now, title, cases, [f"SR-{cases[0]:03}"])
    return test


def _test(recorder: Recorder, rng: random.Random, entry: Any, now: int, verdict: str) -> int:
    test = _start(recorder, entry, now)
    if verdict == "skipped":
        recorder.verdict(test, verdict, "the BMS has no role 'fault.open_wire'", now, 0)
        return now
    recorder.step(test, now, "operate(): through precharge, contactors closed")
    begin = now + 2 * S + rng.randrange(100 * MS)
    checks = list(_checks(rng, entry, begin, verdict))
    if entry[5][0]:
        recorder.stimulus(test, checks[0][2])
    for result, plot, _ in checks:
        recorder.check(test, result, None if entry[5][0] else plot)
    for _, plot, _ in checks:
        if entry[5][0] and plot is not None:
            recorder.plot(test, plot)
    recorder.step(test, begin + 9 * S, "reset(): cause gone, reset requested")
    end = begin + 10 * S
    recorder.verdict(test, verdict, _reason(verdict, checks), end, end - now)
    return end


def _reason(verdict: str, checks: list[tuple[CheckResult, Plot | None, Stimulus]]) -> str:
    if verdict == "fail":
        return next(result.message() for result, _, _ in checks if not result.ok)
    return {
        "error": "ZeroDivisionError: float division by zero (test_measurement.py:88)",
        "invalid": "the plant was 14.2 ms late at 361.204 s; budget 5 ms",
    }.get(verdict, "")


def _checks(
    rng: random.Random, entry: Any, begin: int, verdict: str
) -> Iterator[tuple[CheckResult, Plot | None, Stimulus]]:
    name = entry[1].partition("[")[0]
    (usual, limit, unit), (delay, reaction) = entry[4:6]
    stimulus = Stimulus(
        name, f"{name.replace('_', ' ')}: {limit:g} {unit} + 2 %", begin,
        value=limit * 1.02, unit=unit, on_wire_ns=begin + rng.randrange(20 * MS),
    )  # fmt: skip
    if not delay:
        yield _agreement(rng, name, verdict), _cycle_plot(rng, begin), stimulus
        return
    late = verdict == "fail"
    flag = delay + rng.uniform(2, 12) + (230 if late else 0)
    times = (flag, flag + 10, flag + 10 + rng.uniform(5, 25))
    plot = _plot(rng, stimulus, (usual, limit, unit), times)
    yield _expect(f"fault.{name}", True, delay + 60, times[:1], stimulus), None, stimulus
    yield (
        _expect("contactor.main_plus", "open", delay + reaction, times, stimulus, rng.random() < 0.1),
        plot,
        stimulus,
    )
    yield _stays(rng, begin), None, stimulus
    yield CheckResult(Never("state", "operate", 5 * S), True, "fault in 50 frames"), None, stimulus


def _expect(
    role: str, value: bool | str, within: float, times: tuple[float, ...], stimulus: Stimulus,
    tight: bool = False,
) -> CheckResult:  # fmt: skip
    took = times[-1] + (within - times[-1] - 3.1 if tight and times[-1] < within else 0)
    ok = took <= within
    zero = stimulus.on_wire_ns or 0
    frames = [
        FrameEvidence(
            zero + int((took - 100 * (2 - k)) * MS), 0x321 + k, "BMS_Contactors",
            f"0{int(k < 2)} 00 3{k} 7F 00 00 A{k} 5{k}",
            f"MainPlus = {'closed' if k < 2 else 'open'}, MainMinus = closed, Alive = {k}",
        )
        for k in range(3)
    ]  # fmt: skip
    return CheckResult(
        Expect(role, value, int(within * MS)), ok,
        f"{say(value)} after {took:.1f} ms", zero + int(took * MS), took, within, within - took, "ms",
        10.0, 0.0, int(took * MS), stimulus.text, zero, [] if ok else frames,
        dict(zip(("flag", "command", "open"), (int(t * MS) for t in times), strict=False)),
    )  # fmt: skip


def _stays(rng: random.Random, begin: int) -> CheckResult:
    return CheckResult(
        Stays("contactor.main_plus", "open", 5 * S), True, f"open in {rng.randrange(49, 52)} frames",
        begin + 6 * S,
    )  # fmt: skip


def _agreement(rng: random.Random, name: str, verdict: str) -> CheckResult:
    if verdict in ("invalid", "error"):
        return CheckResult(Bounded("cycle of BMS_Status", 90, 110, "ms"), True, "99.8 ms",
                           1, 99.8, 110.0, 10.2, "ms", 0.1)  # fmt: skip
    off = rng.uniform(0.05, 0.9) * 0.005
    check: Check = Agrees(name, 3.3, 0.005, "V")
    return CheckResult(check, True, f"{3.3 + off:.4f} V", 1, off, 0.005, 0.005 - off, "V", 0.0005)


def _cycle_plot(rng: random.Random, begin: int) -> Plot:
    t = [begin + k * 100 * MS for k in range(6000)]
    truth = [80 * math.sin(k / 300) + 60 * math.sin(k / 47) for k in range(6000)]
    return {
        "from_ns": t[0], "to_ns": t[-1],
        "series": [
            {"label": "pack.current", "kind": "truth", "unit": "A", "steps": False, "names": None,
             "t_ns": t, "v": truth},
            {"label": "current", "kind": "reaction", "unit": "A", "steps": True, "names": None,
             "t_ns": t, "v": [round(v + rng.gauss(0, 0.6), 1) for v in truth]},
        ],
        "limits": [], "marks": [],
    }  # fmt: skip


def _plot(
    rng: random.Random, stimulus: Stimulus, quantity: tuple[float, float, str],
    times: tuple[float, ...],
) -> Plot:  # fmt: skip
    usual, limit, unit = quantity
    zero = stimulus.on_wire_ns or 0
    first, last = zero - int(times[-1] * 0.4) * MS, zero + int(times[-1] * 1.5) * MS
    t = list(range(first, last, max((last - first) // 600, 1)))
    beyond = limit + (limit - usual) * 0.15
    noise = abs(limit - usual) * 0.01
    value = [(beyond if at >= zero else usual) + rng.gauss(0, noise) for at in t]
    at = [zero + int(one * MS) for one in times]
    return {
        "from_ns": first, "to_ns": last,
        "series": [
            {"label": stimulus.name, "kind": "stimulus", "unit": unit, "steps": True,
             "names": None, "t_ns": t, "v": value},
            _state("fault flag", FLAG, [(first, 0), (at[0], 1)]),
            _state("contactor.main_plus", CONTACTOR, [(first, 1), (at[2], 0)]),
            _state("state", STATES, [(first, 3), (at[0], 7)]),
        ],
        "limits": [{"label": f"open {limit:g} {unit}", "value": limit, "unit": unit}],
        "marks": [
            {"label": label, "t_ns": when}
            for label, when in zip(("stimulus", "flag", "command", "open"), (zero, *at), strict=True)
        ],
    }  # fmt: skip


def _state(label: str, names: dict[str, str], points: list[tuple[int, int]]) -> Series:
    return {
        "label": label, "kind": "reaction", "unit": "", "steps": True, "names": names,
        "t_ns": [t for t, _ in points], "v": [v for _, v in points],
    }  # fmt: skip
