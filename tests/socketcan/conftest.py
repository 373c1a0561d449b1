"""Tests on real SocketCAN: they need ``vcan0`` … ``vcan3``.

Where the kernel has none, ``tests/guest/test_socketcan_guest.py`` boots one that has and runs this folder
in it.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "socketcan: needs SocketCAN with vcan0 to vcan3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("socketcan")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, but not in the guest: there a missing interface is a fault."""
    lacking = not hasattr(socket, "AF_CAN") or "vcan0" not in {name for _, name in socket.if_nameindex()}
    if item.path.is_relative_to(HERE) and lacking and "BMS_GUEST" not in os.environ:
        pytest.skip("no vcan0 on this machine: tests/guest runs this in a guest")
