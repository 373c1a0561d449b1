"""Scripts as they are read: each mistake names test, step and key, and all are told at once."""

from __future__ import annotations

import pytest

from hil.errors import HilError
from hil.script.file import read_script

STEP = '[[test]]\nname = "a"\n[[test.step]]\n'
SECOND = STEP.replace('"a"', '"A!"')
GOOD = """title = "T"
[[test]]
name = "An open interlock, twice!"
requirement = ["SR-1"]
case = [40]
needs = ["fault.interlock"]
[[test.step]]
reach = "operate"
[[test.step]]
at = "3 s"
fault = "frame.delay"
with = { message = "JB_Status", delay = "interlock.delay + 50 ms" }
name = "late"
for = "2 s"
expect = { "fault.interlock" = true, state = "fault" }
within = "interlock.delay"
[[test.step]]
end = "late"
stays = { state = "fault" }
through = "1 s"
"""


def read(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    return read_script(path)


def test_a_good_one(tmp_path):
    (test,) = read(tmp_path, GOOD).test
    assert test.function == "test_an_open_interlock_twice"
    assert (test.requirement, test.case, test.needs) == (("SR-1",), (40,), ("fault.interlock",))
    _, late, end = test.step
    assert (late.at, late.for_.fixed, late.within.limits) == (3 * 10**9, 2e9, ((1, "interlock", "delay"),))
    assert late.expect == {"fault.interlock": True, "state": "fault"}
    assert end.end == "late"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[test", "is no valid TOML"),
        ("", "test: is missing"),
        ('title = "T"\ntest = []', "test: "),
        ('[[test]]\nname = "a"', "test[1].step: is missing"),
        (STEP, "test[1].step[1]: does nothing (one of reach, request,"),
        (STEP + 'fautl = "interlock"', "test[1].step[1].fautl: unknown key (did you mean 'fault'?)"),
        (STEP + 'fault = "interlok"', "no fault is called 'interlok' (did you mean 'interlock'?)"),
        (STEP + 'fault = "cell.voltage"', "step[1].with: cell.voltage needs cell (it takes cell, value)"),
        (STEP + 'fault = "interlock"\nwith = { cell = 1 }', "with.cell: interlock takes no such argument"),
        (
            STEP + 'fault = "cell.voltage"\nwith = { cell = "one", value = 1 }',
            "with.cell: 'one' is not a whole number",
        ),
        (STEP + 'fault = "cell.voltage"\nwith = { cell = 1, value = "3 Vv" }', "with.value: "),
        (STEP + 'fault = "cell.voltage"\nwith = { cell = 1, value = "3 A" }', "value '3.0 A' is a current"),
        (STEP + 'fault = "cell.voltage"\nwith = { cell = 1, value = "5 ms" }', "'5000000.0 ns' is a time"),
        (STEP + 'fault = "current"\nwith = { value = "2 s" }', "value '2000000000.0 ns' is a time"),
        (STEP + 'fault = "bus.load"\nwith = { share = "1 ns" }', "share '1.0 ns' is a time"),
        (STEP + 'fault = "sensor.gain"\nwith = { port = "a", factor = "2 ms" }', "is not a number"),
        (STEP + 'fault = "bus.load"\nwith = { share = 1.5 }', "step[1].with: fault 'bus.load': share 1.5"),
        (STEP + 'fault = "interlock"\nfor = "-1 s"', "step[1].for: '-1 s' is negative"),
        (STEP + 'wait = "1 s - 2 s"', "step[1].wait: '1 s - 2 s' is negative"),
        (
            STEP + 'fault = "frame.delay"\nwith = { message = "A", delay = 5 }',
            "with.delay: 5 is not a time such as '300 ms'",
        ),
        (STEP + 'reach = "operate"\nfault = "interlock"', "does several things at once: reach, fault"),
        (STEP + 'reach = "drive"', "test[1].step[1].reach: 'drive' is not known"),
        (STEP + 'expect = { state = "fault" }', "step[1].within: is missing (such as within"),
        (STEP + 'wait = "1 s"\nwithin = "1 s"', "step[1].within: belongs to expect"),
        (STEP + 'never = { state = "fault" }', "step[1].through: is missing"),
        (STEP + 'wait = "1 s"\nthrough = "1 s"', "step[1].through: belongs to stays or never"),
        (STEP + 'wait = "1 s"\nfor = "1 s"', "step[1].for: belongs to a fault"),
        (STEP + "wait = 500", "step[1].wait: 500 has no unit (such as"),
        (STEP + 'wait = "1 V"', "step[1].wait: '1 V' is no time"),
        (STEP + 'at = 3\nwait = "1 s"', "step[1].at: 3 has no unit"),
        (STEP + 'at = "-3 s"\nwait = "1 s"', "step[1].at: '-3 s' is negative"),
        (STEP + 'at = "3 s"\nreset = true\n[[test.step]]\nat = "2 s"\nreset = true', "step[2].at: is not"),
        (STEP + 'end = "late"', "step[1].end: no fault before it is named 'late'"),
        (
            STEP + 'fault = "interlock"\nname = "x"\n[[test.step]]\nfault = "interlock"\nname = "x"',
            "step[2].name: a fault named 'x' has not ended",
        ),
        (STEP + "reset = false", "step[1].reset: "),
        (f'{STEP}reset = true\n{SECOND}reset = true', "test[2].name: 'A!' is too much"),
        (STEP + 'set = { "ambient.temperature" = nan }', "temperature\": nan is no finite number"),
        (STEP + 'set = { "ambient.temperature" = inf }', "inf is no finite number"),
        (STEP + 'set = { "ambient.temperature" = "1e400" }', "'1e400' is no finite number"),
        (STEP + 'set = { "ambient.temperature" = "soon" }', "'soon' is not a number with a unit"),
        (STEP + 'set = { "charger.plugged" = true }', "True is neither a number nor a quantity"),
        (STEP + f"set = {{ a = 1{'0' * 400} }}", "holds a whole number of more than 64 bits"),
        (STEP + "set = {}", "step[1].set: "),
        (STEP + 'request = { mode = nan }', "step[1].request.mode: nan is no finite number"),
        (STEP + 'expect = { state = inf }\nwithin = "1 s"', "step[1].expect.state: inf is no finite number"),
        (STEP + 'expect = { state = [1] }\nwithin = "1 s"', "step[1].expect.state: [1] is no value to say"),
        (STEP + 'wait = "1 s + 3"', "step[1].wait: '1 s + 3' adds a number without a unit"),
        (STEP + 'fault = "interlock"\nfor = 5', "step[1].for: 5 has no unit"),
        (STEP + 'expect = { state = "fault" }\nwithin = 3', "step[1].within: 3 has no unit"),
        (STEP + 'stays = { state = "fault" }\nthrough = 3.5', "step[1].through: 3.5 has no unit"),
        (STEP + 'fault = "bus.off"\nwith = { recovery = true }', "with.recovery: True is not a time"),
        (STEP + 'fault = "current"\nwith = { value = nan }', "step[1].with.value: nan is no finite number"),
        (STEP + 'fault = "precharge.hot"\nwith = { temperature = inf }', "inf is no finite number"),
        (STEP + 'fault = "cell.voltage"\nwith = { cell = 1, value = "1e400 V" }', "'1e400 V' is no finite"),
        (STEP + 'wait = "1e400 s"', "step[1].wait: '1e400 s' is no finite number"),
        (STEP + 'request = { mode = "operate", reset = 1 }', "step[1].request: "),
    ],
)  # fmt: skip
def test_mistakes(tmp_path, text, told):
    with pytest.raises(HilError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert told in message
    assert message.startswith(str(tmp_path / "s.toml"))


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(HilError) as caught:
        read(tmp_path, STEP + 'fault = "interlok"\n[[test.step]]\nexpect = { state = 1 }')
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(HilError, match="cannot be read: No such file"):
        read_script(tmp_path / "no.toml")
