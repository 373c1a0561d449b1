"""Whether a rig can run on this computer: its buses and its BMS are here. Nothing is switched on or sent."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hil.bms.process import find_program
from hil.doctor.buses import (
    Interface,
    has_broadcast_manager,
    interfaces,
    look_at_interface,
    look_at_socketcan,
    serial_port,
)
from hil.doctor.finding import Finding
from hil.doctor.machine import Machine
from hil.rig.schema import BusConfig, RigConfig
from hil.units import say

# interfaces of python-can that find their adapters by themselves, and whose library may be missing in silence
_DETECTING = ("kvaser", "neousys", "neovi", "nixnet", "pcan", "systec", "vector")


def look_at_rig(machine: Machine, config: RigConfig) -> Iterator[Finding]:
    """What the rig needs and is not here; ``blocks`` marks what keeps it from running."""
    topic = f"rig {config.name}"
    if config.time == "virtual":
        yield Finding(topic, "ok", "runs in virtual time: it needs nothing of what follows")
        return
    if machine.system != "linux":
        reason = f"real time is Linux's, this is {machine.system}"
        change = "run it on Linux, or in virtual time"
        yield Finding(topic, "bad", reason, change, gain=100, blocks=True)
        return
    for bus in config.buses.values():
        yield from _look_at_bus(machine, bus)
    yield _look_at_bms(config)
    yield from _look_at_outputs(config)


def needs_socketcan(config: RigConfig | None) -> bool:
    """Whether the kernel's CAN is of interest: of no rig in particular, it is."""
    return config is None or any(bus.interface == "socketcan" for bus in config.buses.values())


def can_run(config: RigConfig, findings: Iterable[Finding]) -> str:
    """The sentence at the end: whether the rig can run here, or what is in its way."""
    blocking = ", ".join(finding.topic for finding in findings if finding.blocks)
    return f"The rig {config.name} " + (f"cannot run here: {blocking}." if blocking else "can run here.")


def _look_at_bus(machine: Machine, bus: BusConfig) -> Iterator[Finding]:
    topic = f"bus {bus.name}"
    if bus.interface == "socketcan":
        finding = _socketcan(machine, bus)
    elif bus.interface == "slcan":
        finding = _slcan(machine, bus)
    else:
        finding = _python_can(bus)
    yield replace(finding, topic=topic, blocks=finding.state == "bad")


def _socketcan(machine: Machine, bus: BusConfig) -> Finding:
    kernel = look_at_socketcan(machine)
    if kernel.state != "ok":
        return replace(kernel, state="bad", text=f"SocketCAN: {kernel.text}", gain=100)
    if any(message.by_kernel for message in bus.database.messages.values()) and not has_broadcast_manager():
        text = "the kernel is to send messages, but its broadcast manager is not there"
        return Finding("", "bad", text, "load its module", "sudo modprobe can_bcm", 100)
    found = next((one for one in interfaces(machine) if one.name == bus.channel), None)
    if found is None:
        command = ""
        if bus.channel.startswith("vcan"):
            command = f"sudo ip link add {bus.channel} type vcan && sudo ip link set {bus.channel} up"
        change = "plug the adapter in" if not command else "make it"
        others = [one.name for one in interfaces(machine)]
        if others and not command:
            change = f"{change}, or name one that is here: {', '.join(others)}"
        return Finding("", "bad", f"there is no interface {bus.channel}", change, command, 100)
    command = found.set_to(bus.bitrate, bus.data_bitrate)
    unlike = _unlike(found, bus)
    if unlike is not None:
        text, change = unlike
        return Finding("", "bad", text, change, f"sudo ip link set {bus.channel} down && {command}", 100)
    finding = next(look_at_interface(found))
    if found.up:
        return replace(finding, text=f"{bus.channel}: {finding.text}")
    text = f"{bus.channel} is down"
    return replace(finding, state="bad", text=text, change="switch it on", command=command, gain=100)


def _unlike(found: Interface, bus: BusConfig) -> tuple[str, str] | None:
    """How an interface is set otherwise than the rig's bus, and what to change; nothing if it is not."""
    if found.bitrate not in (0, bus.bitrate):
        text = f"{bus.channel} runs at {say(found.bitrate, 'bit/s')}, the rig at {say(bus.bitrate, 'bit/s')}"
        return text, "give both the same bit rate"
    if bus.data_bitrate and not found.fd:
        return f"{bus.channel} is set to classic CAN, the rig's bus is CAN FD", "set it to CAN FD"
    if bus.data_bitrate and found.data_bitrate not in (0, bus.data_bitrate):
        theirs, ours = (say(rate, "bit/s") for rate in (found.data_bitrate, bus.data_bitrate))
        text = f"the data of CAN FD frames run at {theirs} on {bus.channel}, in the rig at {ours}"
        return text, "give both the same data bit rate"
    return None


def _slcan(machine: Machine, bus: BusConfig) -> Finding:
    if "://" in bus.channel:
        return Finding("", "?", f"{bus.channel} is not looked at")
    device = bus.channel.partition("@")[0]
    if not os.path.exists(device):  # noqa: PTH110 - a device, not a file
        return Finding("", "bad", f"there is no serial port {device}", "plug the adapter in", "", 100)
    finding = serial_port(machine, device)
    return replace(finding, text=f"{device} {finding.text}".strip())


def _python_can(bus: BusConfig) -> Finding:
    from can.interfaces import BACKENDS  # noqa: PLC0415 - half a second

    if bus.interface not in BACKENDS:
        known = ", ".join(sorted(BACKENDS))
        change = f"use one of {known}"
        return Finding("", "bad", f"python-can has no interface {bus.interface!r}", change, "", 100)
    module, _ = BACKENDS[bus.interface]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
            importlib.import_module(module)
    except Exception as error:  # drivers of vendors fail in their own ways
        text = f"the driver of {bus.interface} cannot be loaded: {type(error).__name__}: {error}"
        return Finding("", "bad", text, "install it as python-can's documentation says", "", 100)
    finally:
        logging.disable(logging.NOTSET)
    if bus.interface in _DETECTING:
        return _detected(bus, _adapters(bus.interface))
    return Finding("", "ok", f"{bus.interface}, channel {bus.channel}: known; the adapter is not tried")


def _detected(bus: BusConfig, adapters: list[Mapping[str, Any]]) -> Finding:
    """Whether the rig's channel is among those of the adapters that are plugged in."""
    if not adapters:
        text = f"{bus.interface} finds no adapter: none is plugged in, or the vendor's library is missing"
        return Finding("", "warn", text, "plug it in; install the vendor's driver and library", "", 90)
    there = [str(adapter.get("channel", "?")) for adapter in adapters]
    if bus.channel in there:
        return Finding("", "ok", f"{bus.interface}, channel {bus.channel}: is here; the adapter is not tried")
    text = f"{bus.interface} finds no channel {bus.channel}"
    change = f"plug its adapter in, or name a channel that is here: {', '.join(there)}"
    return Finding("", "warn", text, change, "", 90)


def _adapters(interface: str) -> list[Mapping[str, Any]]:
    """What python-can finds without opening anything; nothing where the vendor's library is missing."""
    import can  # noqa: PLC0415 - half a second

    logging.disable(logging.CRITICAL)
    try:
        return [dict(found) for found in can.detect_available_configs(interfaces=[interface])]
    except Exception:  # drivers of vendors fail in their own ways
        return []
    finally:
        logging.disable(logging.NOTSET)


def _look_at_bms(config: RigConfig) -> Finding:
    bms = config.bms
    if bms.kind == "external":
        return Finding("BMS", "ok", "external: has to be on the bus by itself")
    program = bms.command[0] if bms.command else ""
    path = find_program(program) if program else ""
    if path:
        return Finding("BMS", "ok", f"process: {path}")
    text = f"there is no program {program!r}"
    return Finding("BMS", "bad", text, "give its path, or put it on PATH", "", 100, blocks=True)


def _look_at_outputs(config: RigConfig) -> Iterator[Finding]:
    """What the safe state switches: without the programs it would not be reached."""
    programs = [command[0] for command in config.safe_state.outputs]
    missing = [program for program in programs if not find_program(program)]
    if missing:
        text = f"there is no program {', '.join(map(repr, missing))}, which shall switch an output"
        yield Finding("safe state", "bad", text, "give its path, or put it on PATH", "", 100, blocks=True)
    elif programs:
        yield Finding("safe state", "ok", f"switches by {', '.join(programs)}")
