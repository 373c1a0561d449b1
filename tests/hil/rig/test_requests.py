"""Requests by steps, with a keep-alive, or only while something is asked: what they send, when they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.checks.verdict import BmsFailure
from hil.cli import main
from hil.clock import NS_PER_MS
from hil.errors import RigFileErrors, UsageError
from hil.explore.scene import Scene
from hil.host.guard import _Place, _sent
from hil.host.identity import identity_of
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import OPERATE, STANDBY, every, scripted_rig, scripted_world, small_rig, status

MS = NS_PER_MS
REQUEST = 272
MODE = (
    'mode = { signal = "can0/VCU_Request.Mode", values = { standby = 0, operate = 1 }, '
    'default = "standby" }'
)
RESET = 'reset = { signal = "can0/VCU_Request.Reset" }'
IGNITION_FIRST = """
[requests.mode]
signal = "can0/VCU_Request.Mode"
values = { standby = 0, operate = 1 }
default = "standby"
[requests.mode.steps]
operate = [
    { signal = "can0/VCU_Request.Ignition", to = 1 },
    { wait = "200 ms" },
    { to = "operate" },
    { until = "state", is = "operate", within = "300 ms" },
    { set = "charger.plugged", to = 1 },
]
standby = [{ to = 0 }, { wait = "100 ms" }, { signal = "can0/VCU_Request.Ignition", to = 0 }]
[requests.reset]
signal = "can0/VCU_Request.Reset"
"""
BY_STEPS = """
[requests.mode.steps]
standby = [
    { signal = "can0/VCU_Request.Mode", to = "Standby" },
    { signal = "can0/VCU_Request.Ignition", to = 0 },
]
operate = [
    { signal = "can0/VCU_Request.Ignition", to = 1 },
    { signal = "can0/VCU_Request.Mode", to = "Operate" },
]
"""
SENDS = """
steps.standby = [{ signal = "can0/VCU_Request.Mode", to = "Standby" }]
steps.operate = [{ signal = "can0/VCU_Request.Mode", to = "Operate" }]
"""
MILLIVOLTS = 3304
Make = Callable[..., RigConfig]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """The small rig with other requests; its VCU_Request has an ignition line and a signal to keep alive."""

    def load(requests: str, more: str = "", safe: str = '"standby"') -> RigConfig:
        small_rig(tmp_path)
        dbc = tmp_path / "bms.dbc"
        reset = ' SG_ Reset : 2|1@1+ (1,0) [0|1] "" BMS\n'
        extra = ' SG_ Ignition : 3|1@1+ (1,0) [0|1] "" BMS\n SG_ Alive : 8|8@1+ (1,0) [0|200] "" BMS\n'
        dbc.write_text(dbc.read_text().replace(reset, reset + extra))
        path = tmp_path / "rig.toml"
        text = path.read_text()
        head, _, rest = text.partition("[requests]")
        path.write_text(f"{head}{requests}\n[safe_state]{rest.partition('[safe_state]')[2]}{more}")
        path.write_text(path.read_text().replace('{ mode = "standby" }', f"{{ mode = {safe} }}"))
        return load_rig(path)

    return load


def told(world, since_ns: int = 0) -> list[tuple[int, int, int, int]]:
    """Of each VCU_Request: ms, mode, ignition, alive."""
    frames = [frame for frame in world.bms.heard if frame.id == REQUEST and frame.t_ns > since_ns]
    return [(f.t_ns // MS, f.data[0] & 3, f.data[0] >> 3 & 1, f.data[1]) for f in frames]


def test_steps_are_taken_in_turn(make: Make) -> None:
    config = make(IGNITION_FIRST)
    lines = every(20, 280, status(STANDBY)) + every(20, 2000, status(OPERATE), since_ms=280)
    rig, world, notes = scripted_rig(config, lines)
    stimulus = rig.request("mode", "operate")
    assert 280 * MS <= rig.now_ns < 300 * MS  # as soon as the BMS is there
    assert world.read("charger.plugged") == 1.0
    seen = told(world)
    first_on = next(ms for ms, _, ignition, _ in seen if ignition)
    first_mode = next(ms for ms, mode, _, _ in seen if mode)
    assert first_on < 60
    assert 200 <= first_mode < 260
    assert (stimulus.name, stimulus.text) == ("mode", "mode = operate")
    assert "mode = operate, by 5 steps" in notes.of("step")
    rig.request("mode", "standby")
    rig.run_for("120 ms")
    last = told(world)[-4:]
    assert [(mode, ignition) for _, mode, ignition, _ in last][-1] == (0, 0)
    assert (0, 1) in [(mode, ignition) for _, mode, ignition, _ in last]


def test_the_stimulus_is_that_of_the_last_thing_done(make: Make) -> None:
    steps = IGNITION_FIRST.replace('    { set = "charger.plugged", to = 1 },\n', "")
    rig, world, _ = scripted_rig(make(steps), every(20, 2000, status(OPERATE)))
    stimulus = rig.request("mode", "operate")
    at_ns = rig.on_wire(stimulus)
    assert at_ns // MS == next(ms for ms, mode, _, _ in told(world) if mode)
    assert rig.expect("state", "operate", within="100 ms", already=True).stimulus == "mode = operate"


def test_steps_end_where_the_bms_does_not_go_along(make: Make) -> None:
    rig, world, notes = scripted_rig(make(IGNITION_FIRST), every(20, 9000, status(STANDBY)))
    rig.request("mode", "operate")  # no failure: it may be right to refuse
    assert world.read("charger.plugged") == 0.0
    stopped = "mode = operate stopped at step 4 of 5, until state is operate, within 300 ms: state is standby"
    assert stopped in notes.of("step")
    with pytest.raises(BmsFailure, match="stopped at step 4 of 5, until state is operate"):
        rig.operate()
    rig.standby()
    assert notes.of("step")[-1] == "still in standby"


def test_a_quantity_is_waited_for_to_its_step_on_the_wire(make: Make) -> None:
    """3304 steps of 1 mV are not exactly 3.304 V, as numbers of a computer go."""
    assert MILLIVOLTS * 0.001 != MILLIVOLTS / 1000
    until = f'{{ until = "cell.voltage_max", is = {MILLIVOLTS / 1000}, within = "300 ms" }}'
    steps = IGNITION_FIRST.replace('{ until = "state", is = "operate", within = "300 ms" }', until)
    lines = every(20, 2000, status(STANDBY, highest_mv=MILLIVOLTS))
    rig, world, _ = scripted_rig(make(steps), lines)
    rig.request("mode", "operate")
    assert world.read("charger.plugged") == 1.0


def test_a_silent_bms_is_told(make: Make) -> None:
    rig, _, notes = scripted_rig(make(IGNITION_FIRST))
    rig.request("mode", "operate")
    assert any(text.endswith("it says nothing of state") for text in notes.of("step"))


def test_what_was_said_since_the_last_step_counts(make: Make) -> None:
    """A state that is passed while the rig waits was reached."""
    requests = IGNITION_FIRST.replace(
        '    { until = "state"', '    { wait = "200 ms" },\n    { until = "state"'
    )
    passed = [(300.0, status(OPERATE))]
    lines = every(20, 300, status(STANDBY)) + passed + every(20, 2000, status(7), 320)
    rig, world, _ = scripted_rig(make(requests), lines)
    rig.request("mode", "operate")
    assert world.read("charger.plugged") == 1.0


def test_a_request_may_be_steps_alone(make: Make) -> None:
    config = make(BY_STEPS)
    assert config.requests["mode"].values == {"standby": 0.0, "operate": 1.0}
    assert set(config.asked) == {"can0/VCU_Request.Mode", "can0/VCU_Request.Ignition"}
    rig, world, _ = scripted_rig(config, every(20, 2000, status(STANDBY)))
    rig.request("mode", "operate")
    rig.run_for("100 ms")
    assert told(world)[-1][1:3] == (1, 1)
    world.stop()
    assert told(world)[-1][1:3] == (0, 0)


def test_a_request_of_steps_has_no_numbers_but_those_written(make: Make) -> None:
    """0 was the number made up for the first of them: a safe state of 0 asked for operation."""
    backwards = """
[requests.mode.steps]
operate = [{ signal = "can0/VCU_Request.Mode", to = 1 }]
standby = [{ signal = "can0/VCU_Request.Mode", to = 0 }]
7 = [{ signal = "can0/VCU_Request.Ignition", to = 1 }]
"""
    for number in ("0", "2", "1.0", "true"):
        with pytest.raises(RigFileErrors) as caught:
            make(backwards, safe=number)
        said = str(caught.value)
        assert "safe_state.requests.mode: request 'mode' has no steps for " in said
        assert said.endswith(" (it has operate, standby, 7)")
    assert make(backwards, safe="7").safe_state.requests == {"mode": 7.0}
    rig, world, _ = scripted_rig(make(backwards), every(20, 2000, status(STANDBY)))
    for wrong in (0, True):
        with pytest.raises(UsageError, match=r"no steps for [01] \(it has operate, standby, 7\)"):
            rig.request("mode", wrong)
    rig.request("mode", 7)
    rig.run_for("100 ms")
    assert told(world)[-1][1:3] == (0, 1)


def test_the_safe_state_goes_to_the_end_of_its_steps(make: Make) -> None:
    """The BMS does not say what is waited for; the ignition goes off all the same."""
    requests = IGNITION_FIRST.replace(
        'standby = [{ to = 0 }, { wait = "100 ms" }',
        'standby = [{ to = 0 }, { until = "state", is = "standby", within = "300 ms" }',
    )
    world = scripted_world(make(requests), every(20, 9000, status(OPERATE)))
    world.power_on()
    world.ask("mode", 1.0)
    begun_ns = world.now_ns
    world.stop()
    since = told(world, begun_ns)
    assert any((mode, ignition) == (0, 1) for _, mode, ignition, _ in since)
    assert since[-1][1:3] == (0, 0)
    assert 420 * MS <= world.now_ns - begun_ns < 500 * MS


def test_the_guard_sends_what_the_steps_lead_to(make: Make) -> None:
    config = make(IGNITION_FIRST)
    assert _sent(config) == {"mode": 0.0, "can0/VCU_Request.Ignition": 0.0}
    place = _Place.__new__(_Place)
    place._rig, place._name = config, "can0"
    (entry,) = place._entries()
    assert {name: source.values[0] for name, source in entry.sources.items()} == {
        "Mode": 0.0, "Reset": 0.0, "Ignition": 0.0,
    }  # fmt: skip


def test_a_life_knows_what_it_has_asked_by_steps(make: Make) -> None:
    """No one signal tells the mode."""
    rig, _, _ = scripted_rig(make(BY_STEPS), every(20, 2000, status(STANDBY)))
    scene = Scene(rig)
    stimulus = rig.request("mode", "operate")
    scene.asked("mode", "operate", rig.on_wire(stimulus))
    assert (scene.mode, scene.mode_ns) == ("operate", stimulus.on_wire_ns)


def test_a_number_may_have_steps(make: Make) -> None:
    """A reset that is two signals at once, in the middle of the usual pulse."""
    reset = IGNITION_FIRST + 'steps.1 = [{ signal = "can0/VCU_Request.Alive", to = 7 }, { to = 1 }]\n'
    rig, world, _ = scripted_rig(make(reset), every(20, 2000, status(STANDBY)))
    rig.pulse_reset()
    frames = [f for f in world.bms.heard if f.id == REQUEST]
    assert {f.data[1] for f in frames if f.data[0] & 4} == {7}
    assert any(f.data[0] & 4 for f in frames)


def test_a_keep_alive_changes_with_each_frame_while_something_is_asked(make: Make) -> None:
    kept = MODE.replace(" }, default", ' }, keep_alive = "can0/VCU_Request.Alive", default')
    rig, world, _ = scripted_rig(make(f"[requests]\n{kept}\n"), every(20, 2000, status(STANDBY)))
    rig.run_for("300 ms")
    assert {alive for *_, alive in told(world)} == {0}
    rig.request("mode", "operate")
    since_ns = rig.now_ns
    rig.run_for("400 ms")
    assert [alive for *_, alive in told(world, since_ns)] == [1, 0] * 4
    rig.request("mode", "standby")
    since_ns = rig.now_ns
    rig.run_for("200 ms")
    assert {alive for *_, alive in told(world, since_ns)} == {0}


def test_a_keep_alive_has_values_and_a_time(make: Make) -> None:
    alive = '{ signal = "can0/VCU_Request.Alive", values = [0, 85, 170], every = "100 ms" }'
    kept = MODE.replace(" }, default", f" }}, keep_alive = {alive}, default")
    rig, world, _ = scripted_rig(make(f"[requests]\n{kept}\n"), every(20, 2000, status(STANDBY)))
    rig.request("mode", "operate")
    rig.run_for("600 ms")
    assert [alive for *_, alive in told(world)][:8] == [85, 85, 170, 170, 0, 0, 85, 85]


@pytest.mark.parametrize("sending", ["", '[bus.can0.messages]\nVCU_Request = { send = "on-change" }\n'])
def test_a_message_may_be_sent_only_while_something_is_asked(make: Make, sending: str) -> None:
    only = MODE.replace(" }, default", ' }, send = "while-asked", default')
    config = make(f"[requests]\n{only}\n", sending)
    rig, world, _ = scripted_rig(config, every(20, 2000, status(STANDBY)))
    rig.run_for("300 ms")
    assert not told(world)
    rig.on_wire(rig.request("mode", "operate"))
    rig.run_for("200 ms")
    assert {mode for _, mode, _, _ in told(world)} == {1}
    stimulus = rig.request("mode", "standby")
    assert stimulus.on_wire_ns == rig.now_ns  # from now on there is silence, which says it
    since_ns = rig.now_ns
    rig.run_for("300 ms")
    assert not told(world, since_ns)
    place = _Place.__new__(_Place)
    place._rig, place._name = config, "can0"
    assert not place._entries()


def test_whatever_is_asked_in_such_a_message_sends_it(make: Make) -> None:
    """A reset, or what a step sends first, would else be lost, and the BMS blamed for it."""
    only = MODE.replace(" }, default", ' }, send = "while-asked", default')
    rig, world, _ = scripted_rig(make(f"[requests]\n{only}\n{RESET}\n"), every(20, 2000, status(STANDBY)))
    for value in (1.0, 0.0):
        since_ns = rig.now_ns
        stimulus = rig.request("reset", value)
        rig.run_for("200 ms")
        assert bool(told(world, since_ns)) is bool(value)
        assert len(stimulus.carriers) == value


def test_two_processes_must_agree_on_the_steps(make: Make) -> None:
    assert identity_of(make(IGNITION_FIRST)) != identity_of(make(IGNITION_FIRST.replace("200 ms", "201 ms")))


def test_the_check_shows_how_it_is_asked(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    more = 'keep_alive = "can0/VCU_Request.Alive"\nsend = "while-asked"\ndefault'
    kept = IGNITION_FIRST.replace("default", more)
    assert main(["check", str(make(kept).path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "mode = operate 1 can0/VCU_Request.Ignition = 1 2 wait 200 ms 3 can0/VCU_Request.Mode" in said
    assert "4 until state is operate, within 300 ms 5 charger.plugged = 1" in said
    assert "mode while asked, can0/VCU_Request.Alive is 0, 1 in turn, every 50 ms" in said
    assert "mode VCU_Request is sent only while asked" in said
    assert "Ignition always" not in said


STEP = "requests.mode.steps.operate[1]"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            '{ signal = "can0/VCU_Request.Ignitoin", to = 1 }',
            f"{STEP}.signal: message VCU_Request has no signal",
        ),
        ('{ signal = "can0/VCU_Request.Ignition", to = 2 }', f"{STEP}.to: 2 is outside"),
        ('{ signal = "can0/VCU_Request.Mode", to = "operat" }', f"{STEP}.to: there is no value 'operat'"),
        (
            '{ signal = "can0/BMS_Status.State", to = 1 }',
            f"{STEP}: request 'mode' goes to can0/BMS_Status.State",
        ),
        (
            '{ signal = "can0/CMU_Cells.V1", to = 1 }',
            f"{STEP}: can0/CMU_Cells.V1 is fed twice, also by wires.",
        ),
        ('{ signal = "can0/VCU_Request.Ignition" }', f"{STEP}: a step with 'signal' lacks 'to'"),
        ('{ wait = "1 s", to = 1 }', f"{STEP}: a step with 'wait' has no 'to'"),
        ('{ wait = "1 s", set = "charger.plugged" }', f"{STEP}: is set and wait at once"),
        ("{ }", f"{STEP}: says not what to do"),
        ('{ wait = "1 V" }', f"{STEP}.wait: "),
        ('{ set = "charger.pluged", to = 1 }', f"{STEP}.set: the twins have no port 'charger.pluged'"),
        ('{ set = "pack.voltage", to = 1 }', f"{STEP}.set: port pack.voltage is measured"),
        ('{ set = "charger.plugged", to = "1 V" }', f"{STEP}.to: '1 V' is a voltage"),
        ('{ set = "charger.plugged", to = 2 }', f"{STEP}.to: 2 is outside the range of charger.plugged"),
        ('{ until = "stat", is = 1, within = "1 s" }', f"{STEP}.until: there is no role 'stat'"),
        (
            '{ until = "state", is = "precharg", within = "1 s" }',
            f"{STEP}.is: 'state' has no value 'precharg'",
        ),
        ('{ until = "state", is = "operate" }', f"{STEP}: a step with 'until' lacks 'within'"),
        ('{ untill = "state" }', f"{STEP}.untill: unknown key (did you mean 'until'?)"),
    ],
)
def test_a_wrong_step_is_told(make: Make, step: str, reason: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        make("[requests]\n" + MODE.replace(" }, default", f" }}, steps = {{ operate = [{step}] }}, default"))
    assert len(caught.value.errors) == 1
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("default = 1", "requests.mode.signal: is missing (or steps for each of its values)"),
        (
            'steps = { operate = [{ wait = "1 s" }] }',
            "requests.mode.values: 'mode' lacks the value 'standby'",
        ),
        (
            'steps = { operate = [{ wait = "1 s" }], standby = [{ wait = "1 s" }] }',
            "requests.mode.steps: no step sends a signal",
        ),
        (
            'values = { a = 1 }\nsteps = { operate = [{ wait = "1 s" }], standby = [{ wait = "1 s" }] }',
            "requests.mode.values: is about the request's signal, and it has none",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\n'
            'keep_alive = { signal = "can0/VCU_Request.Alive", values = [0, 255] }',
            "requests.mode.keep_alive.values: 255 is outside can0/VCU_Request.Alive's range 0 to 200",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\n'
            'keep_alive = { signal = "can0/VCU_Request.Alive", every = "10 ms" }',
            "requests.mode.keep_alive.every: VCU_Request is sent every 50 ms, and no faster",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\n'
            'keep_alive = "can0/VCU_Request.Mode"',
            "requests.mode.keep_alive: can0/VCU_Request.Mode is fed twice, also by requests.mode",
        ),
        *(
            (f"{SENDS}\n{given}", f"requests.mode.{given.split()[0]}: {said}")
            for given, said in {
                "default = 0": "is about the request's signal, and it has none",
                "count = 4": "only a role has it; a request is a whole signal",
                "mask = 1": "only a role has it; a request is a whole signal",
                "scale = 0": "only a role has it; a request is a whole signal",
                "when = { Mode = 1 }": "only a role has it; a request is a whole signal",
            }.items()
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\ncount = 4',
            "requests.mode.count: only a role has it; a request is a whole signal",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\n'
            "steps.charge = [{ to = 1 }]\nsteps.2 = [{ to = 0 }]",
            "requests.mode.steps.2: is 2, which has steps already: those of 'charge' (keep one of them)",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\n'
            "steps.1 = [{ to = 1 }]\nsteps.operate = [{ to = 0 }]",
            "requests.mode.steps.operate: is 1, which has steps already: those of '1' (keep one of them)",
        ),
        (
            'signal = "can0/VCU_Request.Mode"\nvalues = { standby = 0, operate = 1 }\nsend = "while-aksed"',
            "requests.mode.send: 'while-aksed' is not known (expected 'always' or 'while-asked')",
        ),
    ],
)
def test_a_wrong_request_is_told(make: Make, request_: str, reason: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        make(f"[requests.mode]\n{request_}\n")
    assert reason in str(caught.value)
