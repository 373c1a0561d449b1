"""``[bus.NAME.messages]``: what it makes of messages and refuses; and roles that are sent on a change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.checks.verdict import BmsFailure
from hil.clock import NS_PER_MS
from hil.errors import NotOfferedError, RigFileErrors
from hil.frames.sending import OnChange
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import FAULT, OPERATE, STANDBY, scripted_rig, small_rig, status

MS = NS_PER_MS
Load = Callable[[str], RigConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The small rig with lines in ``[bus.can0.messages]``."""

    def make(lines: str) -> RigConfig:
        small_rig(tmp_path)
        path = tmp_path / "rig.toml"
        path.write_text(f"{path.read_text()}\n[bus.can0.messages]\n{lines}\n")
        return load_rig(path)

    return make


def test_what_is_said_goes_before_the_dbc_file(load: Load) -> None:
    lines = '"*" = { cycle = "70 ms", phase = "3 ms" }\nVCU_Request = { cycle = "80 ms" }'
    database = load(lines).buses["can0"].database
    found = database.messages
    assert {m.offset_ns for m in found.values()} == {3 * MS}
    assert (found["CMU_Cells"].cycle_ns, found["VCU_Request"].cycle_ns) == (70 * MS, 80 * MS)
    assert database.by_key[272] is found["VCU_Request"]


@pytest.mark.parametrize(("said", "heartbeat_ns"), [("", None), (', heartbeat = "1 s"', 1000 * MS)])
def test_a_message_sent_on_a_change_has_a_heartbeat_if_that_is_said(
    load: Load, said: str, heartbeat_ns: int | None
) -> None:
    config = load(f'VCU_Request = {{ send = "on-change", min_interval = "20 ms"{said} }}')
    message = config.buses["can0"].database.messages["VCU_Request"]
    assert (message.on_change, message.cycle_ns) == (OnChange(20 * MS), heartbeat_ns)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("VCU_Requst = { phase = '1 ms' }", "has no message 'VCU_Requst' (did you mean 'VCU_Request'?)"),
        ("VCU_Request = { groups = 'all' }", "groups: VCU_Request: no multiplexor"),
        ("VCU_Request = { min_interval = '1 ms' }", "min_interval: VCU_Request is not sent on a change"),
        (
            "VCU_Request = { send = 'on-change', min_interval = '60 ms', heartbeat = '50 ms' }",
            "heartbeat: VCU_Request would come more often than its min_interval allows",
        ),
        ("VCU_Request = { heartbeat = '1 s' }", "heartbeat: VCU_Request is not sent on a change"),
        ("VCU_Request = { send = 'on-change', cycle = '1 s' }", "cycle: VCU_Request is sent on a change"),
        ("VCU_Request = { cycle = '0 ms' }", "greater than 0"),
        ("VCU_Request = { send = 'never' }", "'cyclic' or 'on-change'"),
        ("VCU_Request = { every = '1 ms' }", "every"),
    ],
)
def test_mistakes(load: Load, line: str, reason: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        load(line)
    assert "bus.can0.messages.VCU_Req" in str(caught.value)
    assert reason in str(caught.value)


def frames(world, key: int) -> list[tuple[float, str]]:
    found = world.frames("can0", key, 0, world.now_ns)
    return [(frame.t_ns / MS, frame.data[:1].hex()) for frame in found]


def test_a_request_on_the_virtual_bus_is_sent_once(load: Load) -> None:
    config = load('VCU_Request = { send = "on-change", min_interval = "20 ms" }')
    rig, world, _ = scripted_rig(config, [(10, status())])
    rig.run_for("100 ms")
    asked = rig.request("mode", "operate")
    rig.run_for("300 ms")
    again = rig.request("mode", "operate")
    rig.run_for("300 ms")
    sent = frames(world, 272)
    assert [data for _, data in sent] == ["00", "01"]
    assert asked.on_wire_ns == round(sent[1][0] * MS)
    assert 100 < sent[1][0] < 106
    assert again.on_wire_ns == again.applied_ns == 400 * MS  # no frame need come


ON_CHANGE = 'BMS_Status = { send = "on-change" }'


def test_silence_of_a_role_sent_on_a_change_is_no_alarm(load: Load) -> None:
    rig, _, _ = scripted_rig(load(ON_CHANGE), [(10, status(STANDBY)), (5000, status(OPERATE))])
    rig.run_for("3 s")
    assert rig.value("state") == STANDBY
    rig.stays("state", "standby", for_="1 s")
    rig.never("state", "fault", for_="500 ms")
    rig.expect("state", "operate", within="1 s")
    assert rig.value("state") == OPERATE
    assert rig.messages.of_bms() == {}
    with pytest.raises(BmsFailure):
        rig.stays("state", "standby", for_="1 s")
    with pytest.raises(BmsFailure):
        rig.never("state", "operate", for_="1 s")


def test_a_role_that_was_never_said_is_still_missed(load: Load) -> None:
    rig, _, _ = scripted_rig(load(ON_CHANGE), [])
    rig.run_for("1 s")
    with pytest.raises(BmsFailure):
        rig.stays("state", "standby", for_="1 s")


def test_what_held_before_is_no_reaction(load: Load) -> None:
    lines = [(10, status(FAULT, fault=1)), (2000, status(STANDBY)), (4000, status(FAULT, fault=1))]
    rig, _, _ = scripted_rig(load(ON_CHANGE), lines)
    rig.run_for("1 s")
    with rig.fault("cell.voltage", cell=2, value=3.8) as stimulus:
        rig.on_wire(stimulus)
        assert rig.expect("state", "fault", within="100 ms", already=True).ok
        with pytest.raises(BmsFailure, match="all along"):
            rig.expect("state", "fault", within="100 ms")
    rig.run_for("1500 ms")
    with rig.fault("cell.voltage", cell=2, value=3.8):
        result = rig.expect("state", "fault", within="2 s")
    assert 1000 < result.value < 1500
    assert result.uncertainty == 0  # it came on the change itself


def test_what_is_sent_on_a_change_only_has_no_time_out(load: Load) -> None:
    text = 'VCU_Request = { send = "on-change" }\n[limits.frame_timeout]\nmessages = { %s = "1 s" }'
    with pytest.raises(RigFileErrors, match="that it is silent says nothing"):
        load(text % "VCU_Request")
    config = load(text % '"*"')
    assert set(config.limits["frame_timeout"].messages) == {"CMU_Cells"}
    rig, _, _ = scripted_rig(config)
    with pytest.raises(NotOfferedError, match="the rig sends VCU_Request in no cycle"):
        rig.messages.cycle_ns("VCU_Request")
