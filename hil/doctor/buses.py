"""What this computer has in the way of buses: the kernel's CAN, serial adapters, python-can's interfaces."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hil.doctor.finding import Finding
from hil.doctor.machine import Machine

_ARPHRD_CAN = "280"
_IFF_UP = 0x1
_FD_MTU = 72
_SHORT_QUEUE = 100  # frames; the kernel's default of 10 is full at once
_MODULES = ("can", "can_raw", "can_bcm", "can_dev", "vcan", "slcan", "can_gw", "can_isotp", "can_j1939")
_FTDI_MS = 2  # of a serial adapter that collects bytes before it passes them on
_NET = "sys/class/net"


@dataclass(frozen=True)
class Interface:
    """One CAN interface of the kernel.

    Attributes:
        name: As ``ip`` knows it.
        kind: ``can``, ``vcan``, ``vxcan``; empty if ``ip`` does not tell.
        up: Whether it is switched on.
        bitrate: In bit/s; 0 where there is none, or nobody tells.
        data_bitrate: Of CAN FD data, likewise.
        state: The controller's error state; empty where there is none.
        queue: Frames that its transmit queue holds.
        fd: Whether it is set to take CAN FD frames.
        restart_ms: After which it comes back from bus-off; 0: never.
    """

    name: str
    kind: str = ""
    up: bool = False
    bitrate: int = 0
    state: str = ""
    queue: int = 0
    fd: bool = False
    restart_ms: int = 0
    data_bitrate: int = 0

    @property
    def bring_up(self) -> str:
        """The command that switches it on."""
        return self.set_to(500_000)

    def set_to(self, bitrate: int, data_bitrate: int = 0) -> str:
        """The command that sets its bit rates and switches it on.

        Args:
            bitrate: In bit/s.
            data_bitrate: Of CAN FD data; 0: as a classic bus.
        """
        words = f"sudo ip link set {self.name} "
        if self.kind in ("vcan", "vxcan") or self.name.startswith(("vcan", "vxcan")):
            return words + ("mtu 72 up" if data_bitrate else "up")
        fd = f" dbitrate {data_bitrate} fd on" if data_bitrate else ""
        return f"{words}up type can bitrate {bitrate}{fd}"


def look_at_buses(machine: Machine, *, kernel_can: bool = True) -> Iterator[Finding]:
    """All buses that a rig could use here.

    Args:
        machine: Where to look.
        kernel_can: Whether the kernel's CAN is of interest; a rig on other buses does without.
    """
    if machine.system == "linux" and kernel_can:
        kernel = look_at_socketcan(machine)
        yield kernel
        yield _modules(machine)
        found = interfaces(machine)
        for interface in found:
            yield from look_at_interface(interface)
        if not found:
            yield _no_interface(kernel)
    yield from _serial_ports(machine)
    yield _python_can()


def _no_interface(kernel: Finding) -> Finding:
    if kernel.state != "ok" and not kernel.command:  # then there is none to be had
        return Finding("CAN interfaces", "warn", "none")
    command = "sudo modprobe vcan && sudo ip link add vcan0 type vcan && sudo ip link set vcan0 up"
    return Finding("CAN interfaces", "warn", "none", "plug an adapter in, or make a virtual bus", command, 60)


def look_at_socketcan(machine: Machine) -> Finding:
    """Whether a program can open a CAN socket."""
    error = _socket_error("SOCK_RAW", "CAN_RAW")
    if error is None:
        manager = ", broadcast manager" if has_broadcast_manager() else ""
        return Finding("SocketCAN", "ok", f"raw sockets{manager}")
    if error == errno.EPERM:
        change = "give the container the host's network"
        return Finding("SocketCAN", "bad", "you have no right to open a CAN socket", change, "", 100)
    release = machine.read("proc/sys/kernel/osrelease")
    if machine.find(f"lib/modules/{release}/kernel/net/can/can-raw.ko*"):
        text = "there, but its modules are not loaded"
        command = "sudo modprobe -a can_raw can_bcm vcan"
        return Finding("SocketCAN", "warn", text, "load them", command, 95)
    ubuntu = "ubuntu" in machine.read("etc/os-release").lower()
    command = f"sudo apt install linux-modules-extra-{release}" if ubuntu else ""
    text = "this kernel has none; serial adapters (slcan) and python-can's own drivers work without"
    change = "use a kernel with CONFIG_CAN_RAW and CONFIG_CAN_BCM"
    return Finding("SocketCAN", "warn", text, change, command, 65)


def has_broadcast_manager() -> bool:
    """Whether the kernel can send cyclic messages by itself."""
    return _socket_error("SOCK_DGRAM", "CAN_BCM") is None


def _socket_error(kind: str, protocol: str) -> int | None:
    if not hasattr(socket, "AF_CAN"):
        return errno.EAFNOSUPPORT
    try:
        socket.socket(socket.AF_CAN, getattr(socket, kind), getattr(socket, protocol)).close()
    except OSError as error:
        return error.errno or errno.EAFNOSUPPORT
    return None


def _modules(machine: Machine) -> Finding:
    loaded = {line.partition(" ")[0] for line in machine.read("proc/modules").splitlines()}
    there = [name for name in _MODULES if name in loaded or machine.find(f"sys/module/{name}")]
    return Finding("CAN modules", "ok", ", ".join(there) or "none loaded")


def interfaces(machine: Machine) -> list[Interface]:
    """The kernel's CAN interfaces."""
    names = [path.parent.name for path in machine.find(f"{_NET}/*/type")]
    return [_interface(machine, name) for name in names if machine.read(f"{_NET}/{name}/type") == _ARPHRD_CAN]


def _interface(machine: Machine, name: str) -> Interface:
    flags = machine.read(f"{_NET}/{name}/flags")
    queue = machine.read(f"{_NET}/{name}/tx_queue_len")
    kind, data = _details(machine, name)
    return Interface(
        name,
        kind,
        up=bool(int(flags or "0", 16) & _IFF_UP),
        bitrate=int(data.get("bittiming", {}).get("bitrate", 0)),
        data_bitrate=int(data.get("data_bittiming", {}).get("bitrate", 0)),
        state=str(data.get("state", "")),
        queue=int(queue) if queue.isdigit() else 0,
        fd=int(machine.read(f"{_NET}/{name}/mtu") or "0") >= _FD_MTU,
        restart_ms=int(data.get("restart_ms", 0)),
    )


def _details(machine: Machine, name: str) -> tuple[str, dict[str, Any]]:
    """Kind and what only netlink tells, by way of iproute2."""
    try:
        (link,) = json.loads(machine.run("ip", "-details", "-json", "link", "show", name) or "[{}]")
        info = link.get("linkinfo", {})
        return str(info.get("info_kind", "")), dict(info.get("info_data") or {})
    except (ValueError, AttributeError, TypeError):
        return "", {}


def look_at_interface(interface: Interface) -> Iterator[Finding]:
    """An interface's state, and what of its settings costs frames."""
    topic = f"interface {interface.name}"
    if not interface.up:
        change = "switch it on, at your bus's bit rate"
        yield Finding(topic, "warn", "is down", change, interface.bring_up, 70)
        return
    parts = [interface.kind or "CAN"]
    parts += [f"{interface.bitrate} bit/s"] if interface.bitrate else []
    parts += [interface.state.lower()] if interface.state else []
    parts += [f"queue of {interface.queue}", "CAN FD" if interface.fd else "classic"]
    text = ", ".join(parts)
    if interface.state in ("ERROR-PASSIVE", "BUS-OFF"):
        change = "look for a wrong bit rate, a missing terminator, or a bus without another node"
        yield Finding(topic, "bad", text, change, f"ip -details -statistics link show {interface.name}", 98)
    else:
        yield Finding(topic, "ok", text)
    if interface.queue < _SHORT_QUEUE:
        command = f"sudo ip link set {interface.name} txqueuelen 1000"
        text = f"{interface.queue} frames are soon too many, and the next are refused"
        yield Finding(f"{topic}, queue", "warn", text, "make its queue longer", command, 55)
    if interface.kind == "can" and not interface.restart_ms:
        down, up = f"sudo ip link set {interface.name} down", f"sudo ip link set {interface.name} up type can"
        command = f"{down} && {up} bitrate {interface.bitrate or 500000} restart-ms 100"
        text = "after bus-off it never comes back by itself"
        yield Finding(f"{topic}, bus-off", "warn", text, "let it come back", command, 20)


def _serial_ports(machine: Machine) -> Iterator[Finding]:
    try:
        # only needed for slcan
        from serial.tools import list_ports  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        change = "install it, for slcan adapters"
        yield Finding("serial ports", "?", "pyserial is not installed", change, "pip install pyserial", 15)
        return
    ports = [port for port in list_ports.comports() if port.hwid != "n/a"]
    for port in sorted(ports, key=lambda port: port.device):
        yield serial_port(machine, port.device, port.description or "")
    if not ports:
        yield Finding("serial ports", "ok", "none with an adapter behind it")


def serial_port(machine: Machine, device: str, description: str = "") -> Finding:
    """A serial port on which an slcan adapter may be."""
    topic = f"serial port {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        group = _group(device)
        command = f"sudo usermod -aG {group} $USER  # then log in anew" if group else ""
        text = f"{description}: you may not use it".lstrip(": ")
        return Finding(topic, "bad", text, "join its group", command, 85)
    name = device.rpartition("/")[2]
    timer = f"sys/bus/usb-serial/devices/{name}/latency_timer"
    latency = machine.read(timer)
    if latency.isdigit() and int(latency) > _FTDI_MS:
        text = f"{description}: collects bytes for {latency} ms".lstrip(": ")
        return Finding(topic, "warn", text, "have bytes passed on at once", f"echo 1 | sudo tee /{timer}", 85)
    return Finding(topic, "ok", description)


def _group(device: str) -> str:
    try:
        import grp  # noqa: PLC0415 - not on Windows

        return grp.getgrgid(os.stat(device).st_gid).gr_name  # noqa: PTH116 - a device, not a file
    except (ImportError, OSError, KeyError):
        return ""


def _python_can() -> Finding:
    import can  # noqa: PLC0415 - half a second
    from can.interfaces import BACKENDS  # noqa: PLC0415

    text = f"{can.__version__} with {len(BACKENDS)} interfaces; what a rig names of them is looked at with it"
    return Finding("python-can", "ok", text)

