"""The kinds of nodes that a rig file can name, and how each is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hil.bus.medium import Medium
from hil.clock import VirtualClock
from hil.frames.database import Database, Message
from hil.nodes import chademo, elcon, storage
from hil.nodes.gbt27930 import charger as gbt_charger
from hil.nodes.gbt27930 import vehicle as gbt_vehicle
from hil.nodes.gbt27930.times import BMS_ADDRESS, CHARGER_ADDRESS, ChargerTimes
from hil.nodes.machine import Machine, ports_of
from hil.nodes.power import PowerStage
from hil.nodes.speaker import Manners, Speaker
from twins.config import ChargerConfig, PackConfig, PlantConfig
from twins.port import Bank, Port
from twins.storage import InverterConfig

DRIVEN = ("charger.voltage_max", "charger.current_max", "charger.control")  # by each kind of charger
_NOMINAL_CELL_V = 3.2  # of LFP


@dataclass(frozen=True)
class NodeSpec:
    """One node of a rig, with everything in it resolved.

    Attributes:
        sender: Its node in the DBC files: it sends that node's messages.
        messages: Those that it sends.
        insulation_ns: Length of the insulation test; ``None``: as its protocol has it.
        max_V: Of a vehicle: highest voltage of the pack.
        max_cell_V: Highest voltage of a cell.
        max_A: Highest charge current.
        end_A: At constant voltage the pack is full below this current.
        end_soc: Or at this state of charge.
        rated_W: Of a stationary inverter.
    """

    name: str
    kind: str
    bus: str
    sender: str
    messages: frozenset[str]
    insulation_ns: int | None = None
    max_V: float | None = None
    max_cell_V: float | None = None
    max_A: float | None = None
    end_A: float | None = None
    end_soc: float | None = None
    rated_W: float | None = None


@dataclass(frozen=True)
class Surroundings:
    """Where a node is put.

    Attributes:
        ports: The twins' ports.
        plant: What the plant is made of.
    """

    clock: VirtualClock
    medium: Medium
    database: Database
    ports: Mapping[str, Port]
    plant: PlantConfig


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        machine: Its class.
        build: Makes one.
        says: The message by which its node is known in a DBC file.
        needs: What else the DBC files must have.
        dbc: The shipped file that has it all.
        bitrates: Of its bus, in bit/s.
        is_charger: Whether it drives the twin's charger.
    """

    machine: type[Machine]
    build: Callable[[NodeSpec, Surroundings], Machine]
    says: str
    needs: tuple[str, ...]
    dbc: str
    bitrates: tuple[int, ...]
    is_charger: bool = True


def node_ports(spec: NodeSpec) -> tuple[Port, ...]:
    """The ports that a node will have."""
    machine = KINDS[spec.kind].machine
    return ports_of(machine, f"nodes.{spec.name}", Bank([0.0] * len(machine.rows())))


def build_node(spec: NodeSpec, around: Surroundings) -> Machine:
    """A node on its bus, not yet started."""
    return KINDS[spec.kind].build(spec, around)


def sender_of(kind: Kind, database: Database) -> str:
    """The DBC node that a kind plays; empty if its message is not there or nobody sends it."""
    message: Message | None = database.messages.get(kind.says)
    return message.senders[0] if message is not None and message.senders else ""


def _speaker(spec: NodeSpec, around: Surroundings, manners: Manners) -> Speaker:
    return Speaker(around.clock, around.medium, around.database, spec.name, manners)


def _gbt_charger(spec: NodeSpec, around: Surroundings) -> Machine:
    shortest = {"BRM": 41}  # of before 2015
    manners = Manners(spec.sender, address=CHARGER_ADDRESS, fill=1, shortest=shortest)
    charger: ChargerConfig = around.plant.charger
    times = ChargerTimes()
    if spec.insulation_ns is not None:
        times = replace(times, insulation_ns=spec.insulation_ns)
    rating = gbt_charger.Rating(charger.max_V, charger.min_V, charger.max_A, times=times)
    speaker = _speaker(spec, around, manners)
    return gbt_charger.Charger(spec.name, around.clock, speaker, PowerStage(around.ports), rating)


def _gbt_vehicle(spec: NodeSpec, around: Surroundings) -> Machine:
    speaker = _speaker(spec, around, Manners(spec.sender, address=BMS_ADDRESS, fill=1))
    battery = gbt_vehicle.Battery(around.ports, around.clock)
    return gbt_vehicle.Vehicle(spec.name, around.clock, speaker, battery, _wishes(spec, around))


def _wishes(spec: NodeSpec, around: Surroundings) -> gbt_vehicle.Wishes:
    """What a vehicle wants: by default 3.5 V for each cell, and half its capacity in an hour."""
    pack: PackConfig = around.plant.pack
    capacity_Ah = around.ports["pack.capacity"].value
    return gbt_vehicle.Wishes(
        max_V=3.5 * pack.series if spec.max_V is None else spec.max_V,
        max_cell_V=3.65 if spec.max_cell_V is None else spec.max_cell_V,
        max_A=0.5 * capacity_Ah if spec.max_A is None else spec.max_A,
        end_A=0.05 * capacity_Ah if spec.end_A is None else spec.end_A,
        end_soc=1.0 if spec.end_soc is None else spec.end_soc,
        capacity_Ah=capacity_Ah,
        nominal_V=_NOMINAL_CELL_V * pack.series,
    )


def _chademo(spec: NodeSpec, around: Surroundings) -> Machine:
    charger: ChargerConfig = around.plant.charger
    times = chademo.Times()
    if spec.insulation_ns is not None:
        times = replace(times, insulation_ns=spec.insulation_ns)
    rating = chademo.Rating(charger.max_V, charger.min_V, charger.max_A, times)
    speaker = _speaker(spec, around, Manners(spec.sender))
    return chademo.Charger(spec.name, around.clock, speaker, PowerStage(around.ports), rating)


def _elcon(spec: NodeSpec, around: Surroundings) -> Machine:
    speaker = _speaker(spec, around, Manners(spec.sender))
    return elcon.Elcon(spec.name, around.clock, speaker, PowerStage(around.ports))


def _inverter(dialect: storage.Dialect) -> Callable[[NodeSpec, Surroundings], Machine]:
    def build(spec: NodeSpec, around: Surroundings) -> Machine:
        speaker = _speaker(spec, around, Manners(spec.sender))
        side = storage.DcSide(around.ports, PowerStage(around.ports))
        config = InverterConfig() if spec.rated_W is None else InverterConfig(spec.rated_W)
        return storage.StorageInverter(spec.name, around.clock, speaker, side, dialect, config)

    return build


_GBT_OF_STATION = ("CHM", "CRM", "CTS", "CML", "CRO", "CCS", "CST", "CSD", "CEM")
_GBT_OF_VEHICLE = ("BHM", "BRM", "BCP", "BRO", "BCL", "BCS", "BSM", "BST", "BSD", "BEM")
_GBT_MESSAGES = (*_GBT_OF_STATION, *_GBT_OF_VEHICLE)

KINDS: dict[str, Kind] = {
    "gbt27930": Kind(gbt_charger.Charger, _gbt_charger, "CHM", _GBT_MESSAGES, "gbt27930.dbc", (250_000,)),
    "gbt27930-vehicle": Kind(
        gbt_vehicle.Vehicle, _gbt_vehicle, "BHM", _GBT_MESSAGES, "gbt27930.dbc", (250_000,), is_charger=False
    ),
    "chademo": Kind(
        chademo.Charger,
        _chademo,
        "CHG_Status",
        ("EV_Limits", "EV_Time", "EV_Status", "CHG_Capability"),
        "chademo.dbc",
        (500_000,),
    ),
    "elcon": Kind(
        elcon.Elcon, _elcon, "ELCON_Status", ("ELCON_Command",), "charger_elcon.dbc", (250_000, 500_000)
    ),
    "pylontech": Kind(
        storage.StorageInverter,
        _inverter(storage.PYLONTECH),
        "InverterAlive",
        ("Limits", "Requests"),
        "storage_pylontech.dbc",
        (500_000,),
    ),
    "sma-victron": Kind(
        storage.StorageInverter,
        _inverter(storage.SMA_VICTRON),
        "InverterMeasurements",
        ("Limits",),
        "storage_sma_victron.dbc",
        (500_000,),
    ),
}
