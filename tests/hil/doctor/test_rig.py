"""Whether a rig can run on a computer made of a few files."""

from dataclasses import replace
from pathlib import Path

import pytest

from hil.doctor import buses
from hil.doctor.finding import Finding
from hil.doctor.machine import Machine
from hil.doctor.rig import look_at_rig, needs_socketcan
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.doctor.computers import by_topic, can_interface, computer, told_by_ip

SMALL = Path(__file__).parents[2] / "data" / "rigs" / "small.toml"


@pytest.fixture(autouse=True)
def _socketcan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buses, "_socket_error", lambda *_given: None)


def rig(interface: str = "socketcan", channel: str = "can0", command: str = "sh") -> RigConfig:
    config = load_rig(SMALL)
    (bus,) = config.buses.values()
    bms = replace(config.bms, kind="process", command=(command,))
    real = replace(bus, name="pack", interface=interface, channel=channel)
    return replace(config, time="real", buses={"pack": real}, bms=bms)


def fd(config: RigConfig) -> RigConfig:
    """The same on CAN FD."""
    (bus,) = config.buses.values()
    return replace(config, buses={bus.name: replace(bus, data_bitrate=2_000_000)})


def bus_finding(machine: Machine, config: RigConfig) -> Finding:
    return by_topic(look_at_rig(machine, config))["bus pack"]


def test_a_rig_in_virtual_time_needs_nothing(tmp_path: Path) -> None:
    (finding,) = look_at_rig(computer(tmp_path), load_rig(SMALL))
    assert finding.state == "ok"


def test_a_rig_in_real_time_needs_linux(tmp_path: Path) -> None:
    (finding,) = look_at_rig(Machine(tmp_path, "darwin"), rig())
    assert finding.blocks


def test_a_rig_that_can_run(tmp_path: Path) -> None:
    printed = told_by_ip("can0", "can", bittiming={"bitrate": 500_000}, state="ERROR-ACTIVE", restart_ms=1)
    machine = computer(tmp_path, can_interface("can0"), printed)
    findings = list(look_at_rig(machine, rig()))
    assert [finding.state for finding in findings] == ["ok", "ok"]
    assert not any(finding.blocks for finding in findings)
    assert findings[0].text.startswith("can0: can, 500000 bit/s, error-active")


@pytest.mark.parametrize(
    ("channel", "text", "command"),
    [("can7", "there is no interface can7", ""),
     ("vcan7", "there is no interface vcan7",
      "sudo ip link add vcan7 type vcan && sudo ip link set vcan7 up")],
)  # fmt: skip
def test_an_interface_that_is_not_there(tmp_path: Path, channel: str, text: str, command: str) -> None:
    finding = bus_finding(computer(tmp_path), rig(channel=channel))
    assert (finding.text, finding.command, finding.blocks) == (text, command, True)


def test_where_there_are_others_they_are_named(tmp_path: Path) -> None:
    machine = computer(tmp_path, can_interface("can0"), told_by_ip("can0", "can"))
    finding = bus_finding(machine, rig(channel="can7"))
    assert finding.change == "plug the adapter in, or name one that is here: can0"


def test_an_interface_that_is_down(tmp_path: Path) -> None:
    machine = computer(tmp_path, can_interface("can0", "0x0"), told_by_ip("can0", "can"))
    finding = bus_finding(machine, rig())
    assert (finding.text, finding.blocks) == ("can0 is down", True)
    assert finding.command == "sudo ip link set can0 up type can bitrate 500000"


def test_another_bit_rate(tmp_path: Path) -> None:
    printed = told_by_ip("can0", "can", bittiming={"bitrate": 250_000})
    finding = bus_finding(computer(tmp_path, can_interface("can0"), printed), rig())
    assert finding.text == "can0 runs at 250 kbit/s, the rig at 500 kbit/s"
    assert finding.command.startswith("sudo ip link set can0 down && sudo ip link set can0 up type can")
    assert finding.blocks


@pytest.mark.parametrize(
    ("mtu", "data_bitrate", "text"),
    [
        (16, 0, "can0 is set to classic CAN, the rig's bus is CAN FD"),
        (72, 4_000_000, "the data of CAN FD frames run at 4 Mbit/s on can0, in the rig at 2 Mbit/s"),
    ],
)
def test_an_interface_that_is_not_set_to_the_rigs_can_fd(
    tmp_path: Path, mtu: int, data_bitrate: int, text: str
) -> None:
    told = {"bittiming": {"bitrate": 500_000}, "data_bittiming": {"bitrate": data_bitrate}}
    machine = computer(tmp_path, can_interface("can0", mtu=mtu), told_by_ip("can0", "can", **told))
    finding = bus_finding(machine, fd(rig()))
    assert (finding.text, finding.blocks) == (text, True)
    assert finding.command.endswith("type can bitrate 500000 dbitrate 2000000 fd on")


def test_an_interface_that_is_set_to_the_rigs_can_fd(tmp_path: Path) -> None:
    told = told_by_ip("can0", "can", bittiming={"bitrate": 500_000}, data_bittiming={"bitrate": 2_000_000})
    assert not bus_finding(computer(tmp_path, can_interface("can0", mtu=72), told), fd(rig())).blocks
    vcan = computer(tmp_path, can_interface("vcan0", mtu=16), told_by_ip("vcan0", "vcan"))
    command = bus_finding(vcan, fd(rig(channel="vcan0"))).command
    assert command == "sudo ip link set vcan0 down && sudo ip link set vcan0 mtu 72 up"


def test_a_kernel_without_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buses, "_socket_error", lambda *_given: 97)
    finding = bus_finding(computer(tmp_path), rig())
    assert finding.blocks
    assert finding.text.startswith("SocketCAN: this kernel has none")


def test_a_serial_adapter(tmp_path: Path) -> None:
    device = tmp_path / "ttyACM0"
    finding = bus_finding(computer(tmp_path), rig("slcan", str(device)))
    assert (finding.text, finding.blocks) == (f"there is no serial port {device}", True)
    device.touch()
    assert not bus_finding(computer(tmp_path), rig("slcan", f"{device}@2000000")).blocks
    assert bus_finding(computer(tmp_path), rig("slcan", "socket://10.0.0.1:4000")).state == "?"


def test_interfaces_of_python_can(tmp_path: Path) -> None:
    machine = computer(tmp_path)
    assert bus_finding(machine, rig("udp_multicast")).state in ("ok", "bad")  # needs a package of its own
    known = bus_finding(machine, rig("virtual"))
    assert known.text == "virtual, channel can0: known; the adapter is not tried"
    unknown = bus_finding(machine, rig("carrierpigeon"))
    assert unknown.blocks
    assert "python-can has no interface 'carrierpigeon'" in unknown.text
    assert "pcan" in unknown.change


@pytest.mark.parametrize("interface", ["pcan", "vector", "kvaser"])
def test_a_vendors_library_that_is_missing(
    interface: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[dict[str, object]] = []
    monkeypatch.setattr("can.detect_available_configs", lambda **_interfaces: found)
    finding = bus_finding(computer(tmp_path), rig(interface))
    assert (finding.state, finding.blocks) == ("warn", False)
    assert f"{interface} finds no adapter" in finding.text
    found.append({"interface": interface, "channel": 1})
    other = bus_finding(computer(tmp_path), rig(interface))
    assert (other.state, other.blocks) == ("warn", False)
    assert other.text == f"{interface} finds no channel can0"
    assert other.change.endswith("name a channel that is here: 1")
    assert bus_finding(computer(tmp_path), rig(interface, "1")).state == "ok"


def test_a_driver_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from can.interfaces import BACKENDS

    monkeypatch.setitem(BACKENDS, "vendor", ("no.such.module", "Bus"))
    finding = bus_finding(computer(tmp_path), rig("vendor"))
    assert finding.blocks
    assert finding.text.startswith("the driver of vendor cannot be loaded: ModuleNotFoundError")


def test_the_program_of_the_bms(tmp_path: Path) -> None:
    findings = by_topic(look_at_rig(computer(tmp_path), rig(command="no-such-bms")))
    assert findings["BMS"].blocks
    config = rig()
    config = replace(config, bms=replace(config.bms, kind="external", command=()))
    assert by_topic(look_at_rig(computer(tmp_path), config))["BMS"].state == "ok"


def test_the_programs_that_switch_outputs(tmp_path: Path) -> None:
    safe = replace(rig().safe_state, outputs=(("sh", "-c", "true"), ("no-such-relay", "off")))
    findings = by_topic(look_at_rig(computer(tmp_path), replace(rig(), safe_state=safe)))
    assert findings["safe state"].text == "there is no program 'no-such-relay', which shall switch an output"
    assert findings["safe state"].blocks
    config = replace(rig(), safe_state=replace(safe, outputs=safe.outputs[:1]))
    assert by_topic(look_at_rig(computer(tmp_path), config))["safe state"].state == "ok"


def test_the_kernels_can_is_of_interest_to_rigs_that_use_it() -> None:
    assert needs_socketcan(None)
    assert needs_socketcan(rig("socketcan"))
    assert not needs_socketcan(rig("slcan", "/dev/ttyACM0"))
