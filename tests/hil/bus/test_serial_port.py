"""Opening a serial port that is not there, is no port, or is not this user's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil.bus.serial_port import SerialPort
from hil.errors import BusError

if os.name == "nt":
    pytest.skip("ports of POSIX", allow_module_level=True)

_NOBODY = 65534


def test_a_port_of_somebody_else() -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.chmod(path, 0)  # noqa: PTH101 - a device
    is_root = os.geteuid() == 0
    if is_root:  # who may open everything
        os.seteuid(_NOBODY)
    try:
        with pytest.raises(BusError, match="you have no right to use it") as caught:
            SerialPort(path, 115_200)
    finally:
        if is_root:
            os.seteuid(0)
        os.close(master)
        os.close(slave)
    assert caught.value.place == f"serial port {path}"
    assert "dialout" in caught.value.remedy


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="there is no such serial port"):
        SerialPort(str(tmp_path / "ttyACM7"), 115_200)


def test_what_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusError, match=r"serial port .*file: "):
        SerialPort(str(tmp_path / "file"), 115_200)
