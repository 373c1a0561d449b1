"""CAN interfaces, serial ports and drivers, as the doctor finds them."""

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.doctor import buses
from hil.doctor.buses import Interface, interfaces, look_at_buses, look_at_socketcan, serial_port
from hil.doctor.machine import Machine
from tests.hil.doctor.computers import by_topic, can_interface, computer, told_by_ip


@pytest.fixture(autouse=True)
def _no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    socketcan(monkeypatch)


def socketcan(monkeypatch: pytest.MonkeyPatch, error: int | None = None) -> None:
    monkeypatch.setattr(buses, "_socket_error", lambda *_given: error)


def test_a_good_interface(tmp_path: Path) -> None:
    printed = told_by_ip(
        "can0", "can", bittiming={"bitrate": 500000}, state="ERROR-ACTIVE", restart_ms=100
    )
    machine = computer(tmp_path, can_interface("can0", mtu=72), printed)
    assert interfaces(machine) == [Interface("can0", "can", True, 500000, "ERROR-ACTIVE", 1000, True, 100)]
    findings = by_topic(look_at_buses(machine))
    assert {finding.state for finding in findings.values()} == {"ok"}
    assert findings["interface can0"].text == "can, 500000 bit/s, error-active, queue of 1000, CAN FD"
    assert findings["SocketCAN"].text == "raw sockets, broadcast manager"
    assert findings["CAN modules"].text == "can_raw, vcan"


def test_what_costs_frames(tmp_path: Path) -> None:
    printed = told_by_ip("can0", "can", bittiming={"bitrate": 250000}, state="ERROR-PASSIVE", restart_ms=0)
    findings = by_topic(look_at_buses(computer(tmp_path, can_interface("can0", queue=10), printed)))
    assert findings["interface can0"].state == "bad"
    assert "wrong bit rate" in findings["interface can0"].change
    assert findings["interface can0, queue"].command == "sudo ip link set can0 txqueuelen 1000"
    assert findings["interface can0, bus-off"].command.endswith(
        "sudo ip link set can0 up type can bitrate 250000 restart-ms 100"
    )


@pytest.mark.parametrize(
    ("name", "kind", "command"),
    [("vcan0", "vcan", "sudo ip link set vcan0 up"),
     ("can1", "can", "sudo ip link set can1 up type can bitrate 500000")],
)  # fmt: skip
def test_an_interface_that_is_down(tmp_path: Path, name: str, kind: str, command: str) -> None:
    machine = computer(tmp_path, can_interface(name, "0x40c0"), told_by_ip(name, kind))
    finding = by_topic(look_at_buses(machine))[f"interface {name}"]
    assert (finding.state, finding.text, finding.command) == ("warn", "is down", command)


@pytest.mark.parametrize("printed", ["", "not json", "[]", "{}", '[{"linkinfo": 3}]', "[1, 2]"])
def test_without_iproute2_the_kernel_tells_the_rest(tmp_path: Path, printed: str) -> None:
    machine = computer(tmp_path, can_interface("can0"), {"ip -details -json link show can0": printed})
    assert interfaces(machine) == [Interface("can0", "", True, 0, "", 1000, False, 0)]


def test_other_networks_are_no_can(tmp_path: Path) -> None:
    files = can_interface("eth0") | {"sys/class/net/eth0/type": "1"}
    findings = by_topic(look_at_buses(computer(tmp_path, files)))
    assert findings["CAN interfaces"].text == "none"
    assert "ip link add vcan0 type vcan" in findings["CAN interfaces"].command


@pytest.mark.parametrize(
    ("error", "files", "state", "command"),
    [
        (errno.EPERM, {}, "bad", ""),
        (errno.EAFNOSUPPORT, {"lib/modules/6.12.0-test/kernel/net/can/can-raw.ko.xz": ""}, "warn",
         "sudo modprobe -a can_raw can_bcm vcan"),
        (errno.EAFNOSUPPORT, {"etc/os-release": "ID=ubuntu"}, "warn",
         "sudo apt install linux-modules-extra-6.12.0-test"),
        (errno.EAFNOSUPPORT, {}, "warn", ""),
    ],
)  # fmt: skip
def test_a_kernel_without_can(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    files: dict[str, str],
    state: str,
    command: str,
) -> None:
    socketcan(monkeypatch, error)
    finding = look_at_socketcan(computer(tmp_path, files))
    assert (finding.state, finding.command) == (state, command)
    assert finding.change
    none = by_topic(look_at_buses(computer(tmp_path, files)))["CAN interfaces"]
    assert bool(none.command) == bool(command)


def test_this_computers_sockets_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert look_at_socketcan(Machine()).topic == "SocketCAN"
    monkeypatch.delattr("socket.AF_CAN", raising=False)
    assert buses._socket_error("SOCK_RAW", "CAN_RAW") == errno.EAFNOSUPPORT


def test_serial_ports_with_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    ports = [SimpleNamespace(device=str(device), description="CANable", hwid="USB VID:PID=16D0:117E"),
             SimpleNamespace(device="/dev/ttyS0", description="ttyS0", hwid="n/a")]  # fmt: skip
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    findings = by_topic(look_at_buses(computer(tmp_path)))
    assert findings[f"serial port {device}"].text == "CANable"
    assert "serial port /dev/ttyS0" not in findings


def test_a_serial_port_that_is_not_yours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_given: False)
    monkeypatch.setattr(buses, "_group", lambda _device: "dialout")
    finding = serial_port(computer(tmp_path), "/dev/ttyUSB0", "FT232R")
    assert (finding.state, finding.text) == ("bad", "FT232R: you may not use it")
    assert finding.command.startswith("sudo usermod -aG dialout $USER")
    assert serial_port(computer(tmp_path), "/dev/ttyUSB0").text == "you may not use it"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such groups")
def test_the_group_of_a_device(tmp_path: Path) -> None:
    assert isinstance(buses._group(str(tmp_path)), str)
    assert buses._group(str(tmp_path / "none")) == ""


@pytest.mark.parametrize(("latency", "state"), [("16", "warn"), ("1", "ok")])
def test_a_serial_adapter_that_collects_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, latency: str, state: str
) -> None:
    monkeypatch.setattr("os.access", lambda *_given: True)
    timer = "sys/bus/usb-serial/devices/ttyUSB0/latency_timer"
    finding = serial_port(computer(tmp_path, {timer: latency}), "/dev/ttyUSB0", "FT232R")
    assert finding.state == state
    assert finding.command == (f"echo 1 | sudo tee /{timer}" if state == "warn" else "")


def test_without_pyserial_there_are_no_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial.tools", None)
    finding = by_topic(look_at_buses(computer(tmp_path)))["serial ports"]
    assert (finding.state, finding.command) == ("?", "pip install pyserial")


def test_elsewhere_only_ports_and_drivers_are_looked_at(tmp_path: Path) -> None:
    assert list(by_topic(look_at_buses(Machine(tmp_path, "win32")))) == ["serial ports", "python-can"]
