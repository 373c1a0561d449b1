"""A rig file that extends another: what it says itself goes before, and mistakes name the right file."""

from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig

DATA = Path(__file__).parents[2] / "data" / "rigs"


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_vcan_rig_is_the_laptop_rig_in_real_time() -> None:
    laptop, vcan = load_rig("laptop"), load_rig("vcan")
    assert (vcan.name, vcan.time) == ("vcan", "real")
    bus = vcan.buses["pack"]
    assert (bus.interface, bus.channel, bus.bitrate) == ("socketcan", "vcan0", 500_000)
    assert vcan.bms.kind == "process"
    assert vcan.bms.command[:2] == ("hil", "bms")
    plant = replace(laptop.plant, supply=None)
    assert (vcan.plant, vcan.wires, vcan.roles) == (plant, laptop.wires, laptop.roles)
    assert laptop.limits.keys() - vcan.limits.keys() == {"startup", "supply_loss"}  # as the supply
    different = {name for name, limit in vcan.limits.items() if laptop.limits[name] != limit}
    assert different == {"cycle"}  # how exact a program among others can be


def test_tables_are_merged_and_all_else_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text((DATA / "small.toml").read_text("utf-8"), "utf-8")
    for name in ("small.dbc", "firmware.bin"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    mine = _write(tmp_path, 'extends = "base.toml"\n[limits.cell_overvoltage]\ndelay = "400 ms"\n')
    rig = load_rig(mine)
    assert rig.path == mine
    limit = rig.limits["cell_overvoltage"]
    assert (limit.delay_ns, limit.threshold) == (400_000_000, 3.65)


def test_what_the_extended_file_names_lies_beside_it(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for name in ("small.toml", "small.dbc", "firmware.bin"):
        (base / name).write_bytes((DATA / name).read_bytes())
    rig = load_rig(_write(tmp_path, 'extends = "base/small.toml"\n[rig]\nname = "mine"\n'))
    assert rig.buses["can0"].dbc == (base / "small.dbc",)
    assert rig.bms.library == base / "firmware.bin"


@pytest.mark.parametrize("name", ["laptop", "laptop.toml"])
def test_a_shipped_rig_may_be_extended(tmp_path: Path, name: str) -> None:
    rig = load_rig(_write(tmp_path, f'extends = "{name}"\n[rig]\nname = "mine"\n'))
    assert rig.name == "mine"
    assert rig.time == "virtual"


def test_mistakes_name_the_file_in_which_they_stand(tmp_path: Path) -> None:
    mine = _write(
        tmp_path,
        'extends = "laptop"\n[rig]\ntime = "real"\n[bms]\nkind = "process"\ncomand = "x"\ncommand = "x"\n',
    )
    with pytest.raises(RigFileErrors) as caught:
        load_rig(mine)
    unknown, sim = map(str, caught.value.errors)
    assert unknown == f"{mine}: bms.comand: unknown key (did you mean 'command'?)"
    assert sim.partition(": ")[0].endswith(f"laptop.toml, extended by {mine}")
    assert "bus.pack.interface" in sim
