"""Hooks as they are called: in place of what, with what, and what becomes of one that raises or hangs."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import BusError, HookError
from hil.rig.hooked import Hooked
from hil.rig.hooks import load_hooks
from hil.rig.rig import Rig
from tests.hil.scripted import Notes, every, scripted_world, status

SHORT_NS = 200_000_000


@pytest.fixture
def hooked(small, tmp_path):
    """A rig with hooks, whose BMS says that it is in standby: ``hooked(source)`` -> rig, its notes."""

    def make(source: str, hooks: Hooked | None = None) -> tuple[Rig, Notes]:
        (tmp_path / "odd.py").write_text(source)
        config = replace(small, hooks=load_hooks(tmp_path / "odd.py", SHORT_NS))
        world, notes = scripted_world(config, every(20, 5000, status())), Notes()
        return Rig(config, world, notes, "test", hooks or Hooked(config.hooks)), notes

    return make


def texts(notes: Notes) -> list[str]:
    """What was asked and done, in order."""
    return [row.text if kind == "stimulus" else row for kind, row in notes.rows if kind != "check"]


class TestInPlaceOf:
    def test_waking_comes_before_the_first_state(self, hooked):
        rig, notes = hooked("def wake(rig):\n    rig.request('mode', 'operate')\n    rig.run_for('1 s')\n")
        rig.power_on()
        assert texts(notes)[:3] == ["power on", "powered", "hook wake"]
        assert texts(notes)[-1] == "still in standby"
        assert rig.now_ns >= 1_000_000_000

    def test_a_request_goes_by_the_hook_and_counts_from_its_last_stimulus(self, hooked):
        rig, _ = hooked(
            "def request(rig, name, value):\n"
            "    rig.request('reset', True)\n    rig.run_for('300 ms')\n    rig.request(name, value)\n"
        )
        rig.power_on()
        stimulus = rig.request("mode", "operate")
        assert stimulus.text == "mode = operate"
        assert stimulus.applied_ns == rig.now_ns
        with pytest.raises(Exception, match="state becomes operate within 100 ms"):
            rig.expect("state", "operate", within="100 ms")

    def test_a_request_that_the_rig_file_does_not_have_reaches_no_hook(self, hooked):
        rig, _ = hooked("def request(rig, name, value):\n    1 / 0\n")
        with pytest.raises(Exception, match="gives this BMS no request 'wake'"):
            rig.request("wake", 1)

    def test_a_reset_is_the_hooks_affair(self, hooked):
        rig, notes = hooked("def reset(rig):\n    rig.pulse_reset()\n    rig.pulse_reset()\n")
        rig.power_on()
        rig.pulse_reset()
        assert texts(notes).count("hook reset") == 1
        assert texts(notes).count("reset requested") == 2

    def test_a_hook_that_asks_for_nothing_is_wrong(self, hooked):
        rig, _ = hooked("def request(rig, name, value):\n    pass\n")
        rig.power_on()
        with pytest.raises(HookError, match="request: has asked nothing of the BMS"):
            rig.request("mode", "operate")

    def test_without_hooks_nothing_is_called(self, small):
        hooks = Hooked(None)
        assert not hooks.has("wake")
        world = scripted_world(small, [])
        assert hooks.limited(world) is world


class TestOneThatRaises:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{}['key']", r"KeyError: 'key' \(line 3\)"),
            ("assert rig.cells == 5", r"AssertionError \(line 3\)"),
            ("rig.set('sco', 1)", r"UsageError: .*\(line 3\)"),
            ("rig.require('door')", r"NotOfferedError: .* no door \(line 3\)"),
            ("rig.expect('state', 'fault', '40 ms')", r"BmsFailure: expected: state becomes .*\(line 3\)"),
            ("import pytest; pytest.fail('bad')", r"Failed: bad \(line 3\)"),
            ("raise SystemExit(1)", r"SystemExit: 1 \(line 3\)"),
        ],
    )
    def test_is_told_as_its_own_doing_with_its_line(self, hooked, line, said):
        rig, notes = hooked(f"\ndef wake(rig):\n    {line}\n")
        with pytest.raises(HookError, match=rf"odd.py: wake: raised {said}$"):
            rig.power_on()
        assert texts(notes)[-1].startswith("hook wake raised")

    def test_the_inner_one_is_named(self, hooked):
        rig, _ = hooked(
            "def wake(rig):\n    rig.request('mode', 'operate')\n\n"
            "def request(rig, name, value):\n    1 / 0\n"
        )
        with pytest.raises(HookError, match=r"odd.py: request: raised ZeroDivisionError: .* \(line 5\)"):
            rig.power_on()

    def test_the_rigs_trouble_goes_through(self, hooked):
        rig, _ = hooked("from hil.errors import BusError\ndef wake(rig):\n    raise BusError('down')\n")
        with pytest.raises(BusError, match="down"):
            rig.power_on()


@pytest.mark.skipif(sys.platform == "win32", reason="no timer of the system")
class TestOneThatHangs:
    @pytest.mark.parametrize(
        "line",
        [
            "pass",
            "import time; time.sleep(60)",
            "rig.run_for('100 ms')",
            "rig.run_for('1000 h')",
            "rig.truth('pack.soc')",
            "[rig.run_for('10 ms') for _ in range(9**9)]",
            "rig.request('mode', 'operate')",
        ],
    )
    def test_is_ended_in_time_wherever_it_is(self, hooked, line):
        rig, notes = hooked(f"def wake(rig):\n    while True:\n        {line}\n")
        begun = time.monotonic()
        with pytest.raises(HookError, match=r"wake: did not return within 200 ms \(line [23]\) \(.*within"):
            rig.power_on()
        assert time.monotonic() - begun < 10
        rig.run_for("100 ms")  # the rig is left whole
        assert texts(notes)[-1].startswith("hook wake did not return")

    def test_is_ended_although_it_catches_every_exception(self, hooked):
        rig, _ = hooked(
            "def wake(rig):\n    while True:\n        try:\n            rig.run_for('1 s')\n"
            "        except Exception:\n            pass\n"
        )
        with pytest.raises(HookError, match="did not return"):
            rig.power_on()

    def test_within_another_one_is_ended_with_that(self, hooked):
        rig, _ = hooked(
            "def wake(rig):\n    rig.request('mode', 'operate')\n"
            "def request(rig, name, value):\n    while True: pass\n"
        )
        with pytest.raises(HookError, match=r"wake: did not return within 200 ms \(line 4\)"):
            rig.power_on()

    def test_twice_in_a_row_is_not_called_a_third_time(self, hooked, tmp_path):
        calls = (tmp_path / "calls").as_posix()
        source = f"def wake(rig):\n    with open('{calls}', 'a') as f: f.write('x')\n    while True: pass\n"
        hooks = Hooked(replace(hooked(source)[0].config).hooks)
        for said in ("did not return", "did not return", "is not called any more: it hung 2 times in a row"):
            rig, _ = hooked(source, hooks)
            with pytest.raises(HookError, match=said):
                rig.power_on()
        assert (tmp_path / "calls").read_text() == "xx"

    def test_the_supervisor_is_told_until_when_it_may_run(self, hooked):
        deadlines: list[int] = []
        source = "def wake(rig):\n    pass\n"
        hooks = Hooked(hooked(source)[0].config.hooks, deadlines.append)
        rig, _ = hooked(source, hooks)
        before = time.monotonic_ns()
        rig.power_on()
        assert len(deadlines) == 2
        assert before + SHORT_NS <= deadlines[0] <= time.monotonic_ns() + SHORT_NS
        assert deadlines[1] == 0

    def test_somebody_elses_alarm_goes_on_afterwards(self, hooked):
        rung: list[int] = []
        rig, _ = hooked("def wake(rig):\n    pass\n")
        former = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            rig.power_on()
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
            signal.sigtimedwait([], 1.0)
            assert rung == [signal.SIGALRM]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)


def test_the_example_of_the_documentation_is_right(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "rig-file.md").read_text("utf-8")
    source = page.partition("```python\n\"\"\"odd.py")[2].partition("```")[0]
    (tmp_path / "odd.py").write_text(f'"""odd.py{source}')
    hooks = load_hooks(tmp_path / "odd.py", SHORT_NS)
    assert list(hooks.functions) == ["request", "reset", "before_test", "after_test"]
