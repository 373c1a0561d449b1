"""What an interface of python-can is given when it is opened: own frames back, and CAN FD.

Interfaces differ in how they are told of CAN FD. Most take ``fd`` and ``data_bitrate``. ``pcan`` wants the
bit timing itself, and without it goes on no bus; ``virtual`` wants a protocol; some cannot do it at all, and
of those that python-can brings along each says so once it is open.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import can
from can.interfaces import BACKENDS

from hil.errors import RigFileError

UNMARKED = ("udp_multicast",)  # own frames come back, and look like others'
_TIMED = ("pcan",)  # CAN FD by its bit timing only
_TIMINGS = ("timing", "f_clock", "f_clock_mhz")  # any of them: the rig file gives the timing itself
_CLOCK_HZ = 80_000_000  # of the CAN FD controllers behind these; BitTimingFd's segments count its periods
# sample points that CiA recommends, as the kernel's can_calc_bittiming has them: above a bit rate, in percent
_SAMPLE_POINTS = ((800_000, 75.0), (500_000, 80.0), (0, 87.5))


def can_echo(interface: str) -> bool:
    """Whether an interface can be asked to send own frames back.

    Raises:
        RigFileError: If there is no such interface.
    """
    if interface not in BACKENDS:
        raise RigFileError(
            f"python-can has no interface {interface!r}",
            key="interface",
            remedy=f"one of {', '.join(sorted(BACKENDS))}",
        )
    if interface in UNMARKED:  # has the option, and refuses it
        return False
    return interface == "kvaser" or "receive_own_messages" in _parameters(interface)


def bus_options(interface: str, bitrate: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``can.Bus`` besides interface, channel and bit rate.

    Args:
        interface: python-can's name of it.
        bitrate: Bits per second.
        options: Those of the rig file, ``fd`` and ``data_bitrate`` among them on a bus of CAN FD.

    Raises:
        ValueError: If the interface's clock cannot be divided into these bit rates.
    """
    given = dict(options)
    if can_echo(interface):
        given["receive_own_messages"] = True
    if given.get("fd"):
        if interface in _TIMED and not any(key in given for key in _TIMINGS):
            given["timing"] = _timing(bitrate, int(given.get("data_bitrate", bitrate)))
        if "protocol" in _parameters(interface):
            given.setdefault("protocol", can.CanProtocol.CAN_FD)
    return given


def is_classic(interface: str, bus: can.BusABC) -> bool:
    """Whether a bus says that it carries no CAN FD; only those of python-can itself are known to tell."""
    module, _ = BACKENDS[interface]
    return module.startswith("can.interfaces.") and bus.protocol is can.CanProtocol.CAN_20


def _timing(bitrate: int, data_bitrate: int) -> can.BitTimingFd:
    return can.BitTimingFd.from_sample_point(
        f_clock=_CLOCK_HZ,
        nom_bitrate=bitrate,
        nom_sample_point=_sample_point(bitrate),
        data_bitrate=data_bitrate,
        data_sample_point=_sample_point(data_bitrate),
    )


def _sample_point(bitrate: int) -> float:
    return next(percent for above, percent in _SAMPLE_POINTS if bitrate > above)


def _parameters(interface: str) -> Mapping[str, inspect.Parameter]:
    """What an interface's constructor names; nothing without the vendor's library, which opening tells."""
    module, class_name = BACKENDS[interface]
    try:
        bus_class = getattr(importlib.import_module(module), class_name)
    except (ImportError, OSError, AttributeError):
        return {}
    return inspect.signature(bus_class.__init__).parameters
