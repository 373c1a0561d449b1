"""Signals that functions give: built in or one's own, from ports and signals; and what is wrong is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import HookError, RigFileErrors
from hil.host.identity import identity_of
from hil.rig.functions import BUILT_IN
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import every, scripted_rig, small_rig, status

STATUS = 544
MESSAGE = """
BO_ 544 CMU_Status: 8 CMU
 SG_ Highest : 0|16@1+ (1,0) [0|6000] "mV" BMS
 SG_ Where : 16|8@1+ (1,0) [0|255] "" BMS
 SG_ Word : 24|4@1+ (1,0) [0|15] "" BMS
 SG_ Mean : 32|16@1+ (0.001,0) [0|65] "V" BMS

"""
WORD = """{ function = "word", of = [
    "cell_monitor.voltage[*]", "can0/VCU_Request.Mode", "can0/BMS_Status.State",
] }"""
WIRES = f"""
[wires.can0.CMU_Status]
Highest = {{ function = "max", of = "cell_monitor.voltage[*]" }}
Where = {{ function = "place_of_max", of = "cell_monitor.voltage[*]" }}
Mean = {{ function = "mean", of = ["cell_monitor.voltage[1..2]", "cell_monitor.voltage[4]"] }}
Word = {WORD}
"""
OWN = """
def word(voltages, mode, state):
    if state != state:
        return "Unknown"
    return len([v for v in voltages if v > 3.6]) + 4 * mode
"""
Make = Callable[..., RigConfig]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """The small rig whose cell monitor sends a CMU_Status."""

    def load(
        wires: str = WIRES, source: str = OWN, file: str = "own.py", message: str = ""
    ) -> RigConfig:
        small_rig(tmp_path)
        dbc, path = tmp_path / "bms.dbc", tmp_path / "rig.toml"
        text = dbc.read_text().replace("BO_ 272 VCU", f"{MESSAGE.lstrip()}{message}BO_ 272 VCU")
        cycle = 'BA_ "GenMsgCycleTime" BO_ {};\n'.format
        text = text.replace(cycle("272 50"), cycle("272 50") + cycle("544 20"))
        dbc.write_text(text + 'VAL_ 544 Word 15 "Unknown" ;\n')
        (tmp_path / "own.py").write_text(source)
        bus = f'dbc = ["bms.dbc"]\nfunctions = "{file}"'
        path.write_text(path.read_text().replace('dbc = ["bms.dbc"]', bus) + wires)
        return load_rig(path)

    return load


def last(world) -> dict[str, float]:
    """The values of the last CMU_Status."""
    frame = [frame for frame in world.bms.heard if frame.id == STATUS][-1]
    message = world.layout("CMU_Status")
    return dict(zip(message.signals, message.decode(frame.data), strict=True))


def test_functions_give_what_ports_and_signals_say(make: Make) -> None:
    rig, world, _ = scripted_rig(make(), every(20, 2000, status()))
    rig.run_for("20 ms")
    assert last(world)["Word"] == 15.0  # "Unknown": nothing was heard of the BMS yet
    rig.request("mode", "operate")
    with rig.fault("cell.voltage", cell=3, value=3.7):
        rig.run_for("200 ms")
        found = last(world)
        cells = [world.read(f"cell_monitor.voltage[{cell}]") for cell in (1, 2, 3, 4)]
        assert cells[2] == 3.7
        assert (found["Highest"], found["Where"], found["Word"]) == (3700.0, 3.0, 5.0)
        assert found["Mean"] == pytest.approx((cells[0] + cells[1] + cells[3]) / 3, abs=6e-4)
    rig.run_for("100 ms")
    assert last(world)["Highest"] < 3600.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max", 3.0), ("min", 0.0), ("mean", 1.5), ("sum", 6.0), ("spread", 3.0), ("place_of_max", 3.0),
        ("place_of_min", 4.0), ("any", 1.0), ("all", 0.0), ("none", 0.0),
    ],
)  # fmt: skip
def test_built_in_functions(name: str, expected: float) -> None:
    values = [1.0, 2.0, 3.0, 0.0]
    assert BUILT_IN[name](values) == expected
    assert BUILT_IN[name]([*values[:2], math.nan], *values[2:]) == pytest.approx(
        expected + (1 if name.startswith("place") else 0)
    )
    assert math.isnan(BUILT_IN[name]([math.nan]))


def test_a_signal_of_a_node_on_its_own_is_heard(make: Make) -> None:
    """It was NaN for ever: only frames of the BMS were listened to."""
    wires = WIRES + 'Where = { function = "sum", of = "can0/LOG_Level.Level" }\n'
    config = make(
        wires.replace('Where = { function = "place_of_max", of = "cell_monitor.voltage[*]" }\n', ""),
        message="BO_ 700 LOG_Level: 1 LOG\n SG_ Level : 0|8@1+ (1,0) [0|255] \"\" BMS\n\n",
    )
    rig, world, _ = scripted_rig(config, every(20, 2000, status()))
    rig.run_for("100 ms")
    assert last(world)["Where"] == 0.0
    logger = world.wire("can0").attach("logger")
    for data, shown in ((b"\x07", 7.0), (b"\x01\x02", 7.0), (b"\x08", 8.0)):
        logger.send(700, data)
        rig.run_for("100 ms")
        assert last(world)["Where"] == shown


def test_a_lost_value_is_left_out_and_the_last_one_stays(make: Make) -> None:
    """Highest has no raw number for "not available"."""
    rig, world, _ = scripted_rig(make(), every(20, 2000, status()))
    rig.run_for("100 ms")
    with rig.fault("cell.voltage", cell=1, value=3.65):
        rig.run_for("100 ms")
        for cell in (2, 3, 4):
            world.port(f"cell_monitor.voltage[{cell}]").force(math.nan)
        rig.run_for("100 ms")
        assert last(world)["Highest"] == 3650.0
        world.port("cell_monitor.voltage[1]").force(math.nan)
        rig.run_for("100 ms")
        assert last(world)["Highest"] == 3650.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return 1 / 0", "own.py: word: raised ZeroDivisionError: division by zero (line 2)"),
        ("return None", "own.py: word: gave None for Word, which has no raw number for 'not available'"),
        ("return float('inf')", "own.py: word: gave inf for Word, which no frame can carry"),
        ("return [1]", "own.py: word: gave [1] for Word, which is no number"),
        ("return 10 ** 400", f"own.py: word: gave 1{'0' * 59}… for Word, which no frame can carry"),
        ("return 10 ** 9999", "own.py: word: gave a int for Word, which no frame can carry"),
        ("return 'Unknwon'", "gave 'Unknwon' for Word, which has no such value (did you mean 'Unknown'?)"),
        ("raise SystemExit", "own.py: word: raised SystemExit (line 2)"),
        ("while True: pass", "own.py: word: did not return within 1 s (line 2)"),
    ],
)
def test_what_goes_wrong_makes_the_test_invalid_and_is_told_once(make: Make, line: str, said: str) -> None:
    rig, world, _ = scripted_rig(make(source=f"def word(a, b, c):\n    {line}\n"), every(20, 2000, status()))
    with pytest.raises(HookError) as caught:
        rig.run_for("200 ms")
    assert said in str(caught.value)
    failed_ns = world.now_ns
    world.stop()  # which sends the safe state all the same
    assert {frame.id for frame in world.bms.heard if frame.t_ns > failed_ns} == {STATUS, 272, 513}


def test_more_than_a_signal_holds_is_its_bound(make: Make) -> None:
    rig, world, _ = scripted_rig(make(source="def word(a, b, c):\n    return 99\n"))
    rig.run_for("100 ms")
    assert last(world)["Word"] == 15.0
    assert world.entry("CMU_Status").saturated > 0


def test_two_processes_must_agree_on_the_functions(make: Make) -> None:
    first = identity_of(make())
    assert identity_of(make()) == first
    assert identity_of(make(source=f"{OWN}\n")) != first


def test_the_check_shows_what_is_computed(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(make().path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Computed for the BMS max(cell_monitor.voltage[*]) → can0/CMU_Status.Highest (× 0.001)" in said
    assert "word(cell_monitor.voltage[*], can0/VCU_Request.Mode, can0/BMS_Status.State)" in said
    assert "CMU_Status.Word always" not in said


KEY = "wires.can0.CMU_Status.Word"


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (
            "{ function = 'wrod', of = 'pack.current' }",
            f"{KEY}.function: there is no function 'wrod' (did you",
        ),
        (
            "{ function = 'word', of = 'pack.current' }",
            "own.py: word: takes other arguments: missing a required",
        ),
        ("{ function = 'word' }", f"{KEY}.of: is missing: what it is computed from"),
        ("{ function = 'max', of = 'pack.curent' }", f"{KEY}.of[1]: the twins have no port 'pack.curent'"),
        ("{ function = 'max', of = 'cell_monitor.volts[*]' }", f"{KEY}.of[1]: the twins have no port"),
        (
            "{ function = 'max', of = 'can0/VCU_Request.Moed' }",
            f"{KEY}.of[1]: message VCU_Request has no signal",
        ),
        ("{ function = 'max', of = ['pack.current', 'pack.voltage'] }", f"{KEY}.of: max of 'A' and 'V'"),
        ("{ function = 'any', of = 'pack.current', scale = 0 }", f"{KEY}: scale 0 carries nothing"),
        ("{ function = 'any', of = 'pack.current', offset = nan }", f"{KEY}: offset nan carries nothing"),
        ("{ function = 'any', of = 'pack.current', port = 'pack.current' }", f"{KEY}: has both a port and a"),
        ("{ of = 'pack.current' }", f"{KEY}: has neither port nor function"),
        ("{ port = 'pack.soc', of = 'pack.current' }", f"{KEY}.of: is of a function, and there is none"),
    ],
)
def test_a_wrong_wire_is_told(make: Make, wire: str, said: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        make(f"[wires.can0.CMU_Status]\nWord = {wire}\n")
    assert said in str(caught.value)
    assert len(caught.value.errors) == 1


def test_units_are_compared(make: Make) -> None:
    with pytest.raises(RigFileErrors, match=r"CMU_Status\.Highest is in 'mV', the sum in 'A' \(say scale"):
        make("[wires.can0.CMU_Status]\nHighest = { function = 'sum', of = 'pack.current' }\n")


def test_what_is_computed_is_not_computed_from(make: Make) -> None:
    wires = WIRES.replace("can0/VCU_Request.Mode", "can0/CMU_Status.Where")
    with pytest.raises(RigFileErrors, match=r"Word\.of\[2\]: can0/CMU_Status\.Where is computed itself"):
        make(wires)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "own.py: defines no function (def NAME(values): …)"),
        ("def max(values):\n    return 0", "own.py: max: is built in (give it another name)"),
        ("def word(a, b, c):\n    yield 1", "own.py: word: would never run"),
        ("1 / 0", "own.py: does not run: ZeroDivisionError"),
    ],
)
def test_a_wrong_file_is_told(make: Make, source: str, said: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        make(source=source)
    assert said in str(caught.value)
    assert len(caught.value.errors) == 1


def test_a_file_that_is_not_there_is_told(make: Make) -> None:
    with pytest.raises(RigFileErrors, match=r"none\.py: cannot be read: No such file"):
        make(file="none.py")
