"""The test API against a BMS that follows a script: each verdict from frames that are known."""

from __future__ import annotations

import itertools
import math

import pytest

from hil.checks.verdict import BmsFailure
from hil.clock import NS_PER_MS
from hil.errors import NotOfferedError, UsageError
from hil.rig.timing import PromisedTime, Timing
from tests.hil.scripted import FAULT, OPERATE, STANDBY, every, scripted_rig, status

FLAG = "fault.cell_overvoltage"


def failure_of(call, *arguments, **named):
    with pytest.raises(BmsFailure) as caught:
        call(*arguments, **named)
    return caught.value.result


class TestExpect:
    def test_reaction_is_the_difference_of_two_bus_timestamps(self, small):
        lines = [*every(20, 400, status()), *every(20, 900, status(FAULT, fault=1), 400)]
        rig, world, _ = scripted_rig(small, lines)
        rig.run_for("200 ms")
        with rig.fault("cell.voltage", cell=2, value=3.8) as stimulus:
            result = rig.expect(FLAG, True, within="500 ms")
        cells, answers = (world.frames("can0", key, 0, world.now_ns) for key in (513, 256))
        carrier = next(f for f in cells if f.data[2:4] == (3800).to_bytes(2, "little"))
        answer = next(f for f in answers if f.data[0] & 0x20)
        assert stimulus.on_wire_ns == carrier.t_ns
        assert result.t_ns == answer.t_ns == rig.now_ns
        assert result.reaction_ns == answer.t_ns - carrier.t_ns
        assert result.value + result.margin == pytest.approx(result.limit) == 500
        assert result.uncertainty == 20
        assert result.phases == {FLAG: result.reaction_ns}

    def test_never_is_a_failure_with_all_that_matters(self, small):
        rig, _, notes = scripted_rig(small, every(20, 2000, status()))
        with rig.fault("cell.voltage", cell=2, value=3.8):
            result = failure_of(rig.expect, FLAG, True, within="500 ms")
        message = result.message()
        assert "expected: fault.cell_overvoltage becomes set within 500 ms" in message
        assert "came:     25 frames, the last one clear, by 500 ms" in message
        assert "stimulus: cell_monitor.voltage[2] = 3.8 V, on the wire at" in message
        assert "CMU_Cells" in message
        assert "V2 3.8 V" in message
        assert "BMS_Status" in message
        assert "State Standby" in message
        assert [kind for kind, _ in notes.rows] == ["cell", "stimulus", "check", "step"]

    def test_a_cell_that_was_struck_is_told_with_the_state_it_was_struck_in(self, small):
        lines = [*every(20, 400, status()), *every(20, 900, status(FAULT, fault=1), 400)]
        rig, _, notes = scripted_rig(small, lines)
        rig.run_for("200 ms")
        rig.expect(FLAG, False, within="100 ms", already=True)  # nothing is struck
        with rig.fault("cell.voltage", cell=2, value=3.8):
            rig.expect("state", "fault", within="500 ms")  # is no flag
            rig.expect(FLAG, True, within="500 ms")
        rig.expect(FLAG, True, within="500 ms", already=True)  # it is over
        assert notes.of("cell") == [(2, {"fault": "cell_overvoltage", "state": "standby"}, True)]

    def test_too_late(self, small):
        lines = [*every(20, 700, status()), *every(20, 900, status(fault=1), 700)]
        rig, _, _ = scripted_rig(small, lines)
        with rig.fault("cell.voltage", cell=2, value=3.8):
            failure_of(rig.expect, FLAG, True, within="500 ms")
            rig.run_for("500 ms")
            failure_of(rig.expect, FLAG, True, within="500 ms")  # it is set by now

    @pytest.mark.parametrize("wait", ["0 ms", "400 ms"])
    def test_a_pulse_of_one_frame_is_seen(self, small, wait):
        """Also if it is over when the test asks."""
        lines = [*every(20, 300, status()), (300, status(fault=1)), *every(20, 900, status(), 320)]
        rig, _, _ = scripted_rig(small, lines)
        with rig.fault("cell.voltage", cell=2, value=3.8):
            rig.run_for(wait)
            rig.expect(FLAG, True, within="500 ms")

    def test_frames_before_the_stimulus_do_not_count(self, small):
        lines = [*every(20, 200, status(fault=1)), *every(20, 2000, status(), 200)]
        rig, _, _ = scripted_rig(small, lines)
        rig.run_for("250 ms")
        with rig.fault("cell.voltage", cell=2, value=3.8):
            failure_of(rig.expect, FLAG, True, within="1 s")

    def test_nothing_stored_counts_without_a_stimulus(self, small):
        rig, _, _ = scripted_rig(small, every(20, 100, status(OPERATE)))
        rig.run_for("150 ms")
        result = failure_of(rig.expect, "state", "operate", within="100 ms")
        assert result.actual == "no frame with state, by 100 ms; nothing of the BMS came on any bus"

    def test_what_held_all_along_is_no_reaction(self, small):
        rig, _, _ = scripted_rig(small, every(20, 900, status(OPERATE)))
        rig.run_for("150 ms")
        rig.request("mode", "operate")
        failed = failure_of(rig.expect, "state", "operate", within="200 ms")
        assert "all along" in str(failed)
        assert (failed.limit, failed.unit) == (200.0, "ms")  # the report's reactions hold it against that
        result = rig.expect("state", "operate", within="200 ms", already=True)
        assert result.reaction_ns is None
        assert result.margin is None

    def test_the_deadline_is_exact(self, small):
        lines = [*every(20, 300, status()), *every(20, 900, status(OPERATE), 300)]
        rig, _, _ = scripted_rig(small, lines)
        rig.run_for("100 ms")
        start = rig.mark("now")
        reaction = rig.expect("state", "operate", within="1 s").reaction_ns
        for within, ok in ((reaction, True), (reaction - 1, False)):
            rig, _, _ = scripted_rig(small, lines)
            rig.run_for("100 ms")
            assert rig.mark("now").applied_ns == start.applied_ns
            if ok:
                assert rig.expect("state", "operate", within=within).margin == 0
            else:
                failure_of(rig.expect, "state", "operate", within=within)

    def test_a_promised_time_may_be_missed_by_its_tolerance(self, small):
        lines = [*every(20, 300, status()), *every(20, 900, status(OPERATE), 300)]
        for within_ms, tolerance_ms, ok in ((150, 80, True), (150, 0, False), (300, 0, True)):
            rig, _, _ = scripted_rig(small, lines)
            rig.run_for("100 ms")
            rig.mark("now")
            timing = Timing(tolerance_ms * 1_000_000, "a task of 80 ms")
            within = PromisedTime(within_ms * 1_000_000, timing)
            if not ok:
                assert failure_of(rig.expect, "state", "operate", within=within).limit == within_ms
                continue
            result = rig.expect("state", "operate", within=within)
            assert (result.limit, result.check.reason) == (within_ms + tolerance_ms, "a task of 80 ms")
            assert result.margin == pytest.approx(result.limit - result.value)

    def test_a_promised_time_is_waited_for_at_its_latest(self, small):
        rig, _, _ = scripted_rig(small, every(20, 900, status()))
        start_ns = rig.now_ns
        rig.run_for(PromisedTime(100_000_000, Timing(20_000_000, "a task of 20 ms")))
        assert rig.now_ns - start_ns == 120_000_000

    def test_since_an_older_stimulus(self, small):
        lines = [*every(20, 300, status()), *every(20, 900, status(FAULT), 300)]
        rig, _, _ = scripted_rig(small, lines)
        first = rig.mark("first")
        rig.run_for("400 ms")
        rig.mark("second")
        result = rig.expect("state", "fault", within="350 ms", since=first)
        assert 300 < result.value < 302
        assert result.stimulus == "first"

    def test_a_mark_on_a_frame_of_the_bms_is_as_uncertain_as_that_frame(self, small):
        lines = [
            *every(20, 300, status()),
            *every(20, 600, status(OPERATE), 300),
            *every(20, 900, status(), 600),
        ]
        rig, _, _ = scripted_rig(small, lines)
        by_itself = rig.mark("now")
        shown = rig.expect("state", "operate", within="1 s")
        on_frame = rig.mark("it operates")
        assert by_itself.uncertainty_ns == 0
        assert on_frame.applied_ns == shown.t_ns
        assert rig.expect("state", "standby", within="1 s").uncertainty == 2 * shown.uncertainty
        rig.run_for("100 ms")
        assert rig.mark("later").uncertainty_ns == 0

    def test_a_reaction_varies_by_the_cycles_of_the_frames_that_the_bms_waits_for(self, small):
        lines = [*every(20, 300, status()), *every(20, 600, status(OPERATE), 300)]
        rig, _, _ = scripted_rig(small, lines)
        rig.mark("now")
        waited_for = ["cell_monitor.voltage[1]", "cell_monitor.voltage[1]", "not.wired"]
        result = rig.expect("state", "operate", within="1 s", through=waited_for)
        assert result.spread == 2 * rig.cycle_ns("cell_monitor.voltage[1]") / 1e6 > 0

    def test_phases_of_one_reaction(self, small):
        flagged, open_ = status(fault=1), status(FAULT, fault=1)
        lines = [*every(20, 300, status()), (300, flagged), *every(20, 900, open_, 320)]
        rig, _, _ = scripted_rig(small, lines)
        with rig.fault("cell.voltage", cell=1, value=3.9):
            first = rig.expect(FLAG, True, within="1 s")
            second = rig.expect("state", "fault", within="1 s")
        assert list(second.phases) == [FLAG, "state"]
        assert second.phases[FLAG] == first.reaction_ns < second.phases["state"]

    def test_a_name_that_the_role_does_not_have(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError, match="role state has no value 'driving'") as caught:
            rig.expect("state", "driving", within="1 s")
        assert "standby, operate, fault" in caught.value.remedy


class TestSpans:
    def test_stays(self, small):
        rig, _, _ = scripted_rig(small, every(20, 900, status()))
        result = rig.stays("state", "standby", for_="500 ms")
        assert result.actual == "25 frames, all standby"

    def test_stays_is_broken_by_one_frame(self, small):
        lines = [*every(20, 300, status()), (300, status(FAULT)), *every(20, 900, status(), 320)]
        rig, _, _ = scripted_rig(small, lines)
        result = failure_of(rig.stays, "state", "standby", for_="500 ms")
        assert result.actual.startswith("fault after 300.")
        assert result.frames

    def test_never(self, small):
        lines = [*every(20, 300, status()), (300, status(FAULT)), *every(20, 900, status(), 320)]
        rig, _, _ = scripted_rig(small, lines)
        rig.never("state", "fault", for_="200 ms")
        result = failure_of(rig.never, "state", "fault", for_="200 ms")
        assert result.actual.startswith("fault after ")

    def test_a_span_holds_two_cycles_at_least(self, small):
        rig, _, _ = scripted_rig(small, every(50, 900, status()))
        start_ns = rig.now_ns
        rig.stays("state", "standby", for_="10 ms")
        rig.never("state", "fault", for_="10 ms")
        assert rig.now_ns - start_ns >= 4 * rig.cycle_ns("state")

    @pytest.mark.parametrize("check", ["stays", "never"])
    def test_silence_proves_nothing(self, small, check):
        rig, _, _ = scripted_rig(small)
        value = "standby" if check == "stays" else "fault"
        result = failure_of(getattr(rig, check), "state", value, for_="500 ms")
        assert result.actual == "no frame with state came; nothing of the BMS came on any bus"


class TestNumbers:
    def test_agrees(self, small):
        rig, _, _ = scripted_rig(small, every(20, 900, status(highest_mv=3412)))
        result = rig.agrees("cell.voltage_max", 3.41, 0.005)
        assert result.value == pytest.approx(0.002)
        assert result.margin == pytest.approx(0.003)
        assert result.unit == "V"
        result = failure_of(rig.agrees, "cell.voltage_max", 3.40, 0.005)
        assert result.actual == "3.412 V"
        assert result.frames

    def test_value_is_the_next_frames(self, small):
        lines = [(10, status(highest_mv=3000)), (50, status(highest_mv=3100))]
        rig, _, _ = scripted_rig(small, lines)
        rig.run_for("40 ms")
        assert rig.value("cell.voltage_max") == pytest.approx(3.1)

    def test_value_of_a_silent_role(self, small):
        rig, _, notes = scripted_rig(small)
        result = failure_of(rig.value, "cell.voltage_max")
        assert str(result.check) == "a frame with cell.voltage_max comes within 60 ms"
        assert notes.of("check") == [result]

    @pytest.mark.parametrize(
        ("value", "low", "high", "margin"),
        [(5.0, 1.0, 9.0, 4.0), (2.0, 1.0, 9.0, 1.0), (9.0, None, 9.0, 0.0), (0.5, 1.0, None, -0.5)],
    )
    def test_bounded(self, small, value, low, high, margin):
        rig, _, _ = scripted_rig(small)
        check = rig.bounded if margin >= 0 else lambda *a, **k: failure_of(rig.bounded, *a, **k)
        assert check("number", value, low=low, high=high).margin == margin

    def test_bounded_takes_no_nonsense(self, small):
        rig, _, _ = scripted_rig(small)
        failure_of(rig.bounded, "number", math.nan, low=0)
        with pytest.raises(UsageError, match="neither low nor high"):
            rig.bounded("number", 1.0)

    def test_history(self, small):
        rig, _, _ = scripted_rig(small, every(20, 200, status()) + every(20, 400, status(OPERATE), 200))
        rig.run_for("300 ms")
        rows = rig.history("state")
        assert [value for _, value in rows] == [STANDBY] * 10 + [OPERATE] * 5
        assert all(a < b for (a, _), (b, _) in itertools.pairwise(rows))
        assert rig.history("state", rows[-2][0]) == rows[-1:]


class TestCrosses:
    def test_the_frame_that_passes_the_level_is_the_zero(self, small):
        lines = [(k * 20, status(highest_mv=3000 + 100 * k)) for k in range(20)]
        rig, world, _ = scripted_rig(small, lines)
        stimulus = rig.crosses("cell.voltage_max", above=3.45)
        assert rig.now_ns == stimulus.on_wire_ns == world.frames("can0", 256, 0, rig.now_ns)[-1].t_ns
        assert rig.value("cell.voltage_max") == pytest.approx(3.6)

    def test_a_port_that_the_rig_sends(self, small):
        rig, _, _ = scripted_rig(small)
        with rig.fault("cell.voltage", cell=3, value=2.0):
            assert rig.crosses("cell_monitor.voltage[3]", below=2.5).text.endswith("below 2.5 V on the bus")

    @pytest.mark.parametrize("levels", [{}, {"above": 1.0, "below": 2.0}])
    def test_one_level_only(self, small, levels):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError, match="either above or below"):
            rig.crosses("cell.voltage_max", **levels)

    def test_a_level_that_is_not_passed_is_the_tests_mistake(self, small):
        rig, _, _ = scripted_rig(small, every(20, 900, status()))
        with pytest.raises(UsageError, match="does not come above 4 V"):
            rig.crosses("cell.voltage_max", above=4.0, within="500 ms")


class TestFaults:
    def test_it_ends_with_its_block(self, small):
        rig, _, _ = scripted_rig(small)
        sound = rig.truth("cell_monitor.voltage[1]")
        with rig.fault("cell.voltage", cell=1, value=3.9):
            assert rig.truth("cell_monitor.voltage[1]") == 3.9
        assert rig.truth("cell_monitor.voltage[1]") == pytest.approx(sound, abs=0.01)

    def test_it_ends_with_an_exception(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(ZeroDivisionError), rig.fault("cell.voltage", cell=1, value=3.9):
            1 / 0  # noqa: B018
        assert rig.truth("cell_monitor.voltage[1]") != 3.9

    def test_it_ends_with_the_test(self, small):
        """A generator that a test forgets in its middle leaves the block for good."""
        rig, _, _ = scripted_rig(small)
        rig.fault("cell.voltage", cell=1, value=3.9).__enter__()
        rig.finish()
        assert rig.truth("cell_monitor.voltage[1]") != 3.9

    def test_the_inner_one_counts_and_the_outer_one_stays(self, small):
        rig, _, _ = scripted_rig(small)
        with rig.fault("cell.voltage", cell=1, value=3.9):
            with rig.fault("cell.voltage", cell=1, value=3.7):
                assert rig.truth("cell_monitor.voltage[1]") == 3.7
            assert rig.truth("cell_monitor.voltage[1]") == 3.9
            with rig.fault("cell.voltage", cell=1, value=3.9):  # just the same
                pass
            assert rig.truth("cell_monitor.voltage[1]") == 3.9
        assert rig.truth("cell_monitor.voltage[1]") < 3.6

    def test_the_outer_one_may_end_first(self, small):
        rig, _, _ = scripted_rig(small)
        outer = rig.fault("cell.voltage", cell=1, value=3.9)
        outer.__enter__()
        with rig.fault("cell.voltage", cell=1, value=3.7):
            outer.__exit__(None, None, None)
            assert rig.truth("cell_monitor.voltage[1]") == 3.7
        assert rig.truth("cell_monitor.voltage[1]") < 3.6

    def test_several_at_one_instant(self, small):
        rig, _, _ = scripted_rig(small)
        sound = rig.truth("cell_monitor.voltage[1]")
        broken = [("cell.voltage", {"cell": cell, "value": 3.9}) for cell in (1, 2)]
        with rig.faults(*broken) as stimuli:
            assert [rig.truth(f"cell_monitor.voltage[{cell}]") for cell in (1, 2)] == [3.9, 3.9]
            assert [one.applied_ns for one in stimuli] == [rig.now_ns, rig.now_ns]
        assert rig.truth("cell_monitor.voltage[1]") == pytest.approx(sound, abs=0.01)

    def test_none_at_all_is_nothing_to_end(self, small):
        rig, _, notes = scripted_rig(small)
        with rig.faults() as stimuli:
            assert stimuli == []
        assert not notes.of("step")

    def test_of_several_all_or_none(self, small):
        rig, _, _ = scripted_rig(small)
        broken = [("cell.voltage", {"cell": cell, "value": 3.9}) for cell in (1, 99)]
        with pytest.raises(UsageError), rig.faults(*broken):
            pass
        assert rig.truth("cell_monitor.voltage[1]") != 3.9

    def test_an_unknown_one(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError) as caught, rig.fault("cell.voltag", cell=1, value=3.0):
            pass
        assert caught.value.remedy == "did you mean 'cell.voltage'?"


class TestNames:
    def test_what_the_bms_lacks_skips_the_test(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(NotOfferedError, match="no role 'soc'"):
            rig.expect("soc", 1, within="1 s")
        with pytest.raises(NotOfferedError, match="no request 'open'"):
            rig.request("open", True)
        with pytest.raises(NotOfferedError, match="no limit 'isolation'"):
            rig.limits["isolation"]
        with pytest.raises(NotOfferedError, match="no charger, soc"):
            rig.require("state", "charger", "soc")
        assert rig.has("state", "mode", "cell_overvoltage", "cell_monitor.voltage[1]")
        assert not rig.has("state", "soc")

    @pytest.mark.parametrize("name", ["stat", "sttae", "states", "stste", "contactor.main_plsu"])
    def test_a_slip_of_the_pen_is_an_error(self, small, name):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError, match="no role is called") as caught:
            rig.value(name)
        assert caught.value.remedy in ("did you mean 'state'?", "did you mean 'contactor.main_plus'?")

    def test_a_slip_in_a_request_is_one_too(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError, match="no request is called 'moed'") as caught:
            rig.request("moed", "operate")
        assert caught.value.remedy == "did you mean 'mode'?"

    @pytest.mark.parametrize("name", ["contactor.main_minus", "cell.voltage_min", "fault.cell_undervoltage"])
    def test_another_feature_is_no_slip(self, small, name):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(NotOfferedError):
            rig.value(name)

    def test_ports(self, small):
        rig, _, _ = scripted_rig(small)
        with pytest.raises(UsageError, match=r"no port 'cell_monitor.voltage\[5\]'") as caught:
            rig.truth("cell_monitor.voltage[5]")
        assert caught.value.remedy == "they are numbered 1 to 4"
        with pytest.raises(UsageError, match="it can be forced, not written"):
            rig.set("cell_monitor.voltage[1]", 3.0)


class TestTime:
    def test_durations(self, small):
        rig, _, _ = scripted_rig(small)
        rig.run_for("1.5 ms")
        rig.run_for(2 * NS_PER_MS)
        assert rig.now_ns == 3.5 * NS_PER_MS
        with pytest.raises(UsageError, match="500 ns is no bus time"):
            rig.run_for(500)
        with pytest.raises(UsageError, match="does not run back"):
            rig.run_for(-1)

    def test_power_on_waits_for_standby(self, small):
        rig, _, _ = scripted_rig(small, every(20, 300, status(0)) + every(20, 600, status(), 300))
        rig._host.bms.power_off()
        rig.power_on()
        assert 300 < rig.now_ns / NS_PER_MS < 302

    def test_the_safe_state(self, small):
        """The request that the rig file gives is on the wire before the BMS is off."""
        rig, world, _ = scripted_rig(small)
        rig.on_wire(rig.request("mode", "operate"))
        rig.finish()
        world.stop()
        assert not world.bms.powered
        assert world.bms.heard[-1].t_ns <= world.now_ns
        assert [f.data[0] & 3 for f in world.bms.heard if f.id == 272][-1] == 0

    def test_a_stimulus_that_no_frame_can_carry(self, small):
        rig, _, _ = scripted_rig(small)
        with rig.fault("frame.missing", message="VCU_Request"):
            stimulus = rig.request("mode", "operate")
            with pytest.raises(UsageError, match="no frame carried the stimulus 'mode = operate'"):
                rig.on_wire(stimulus)
