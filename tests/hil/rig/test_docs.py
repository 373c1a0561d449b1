"""docs/rig-file.md: its example loads, and it names every key."""

import re
from pathlib import Path

import pytest

from hil.cli import _parser
from hil.rig import file
from hil.rig.load import load_rig
from hil.rig.plant import OPTIONAL, SECTIONS, keys_of
from twins.config import LoadConfig

TEXT = (Path(__file__).parents[3] / "docs" / "rig-file.md").read_text("utf-8")
FIRMWARE = Path(__file__).parents[2] / "data" / "rigs" / "firmware.bin"
KEYS = {
    name: [field.alias or key for key, field in section.model_fields.items()]
    for name, section in vars(file).items()
    if isinstance(section, type) and issubclass(section, file.Section)
} | {
    name: list(keys_of(config))
    for name, config in {**{n: c for n, (_, c) in SECTIONS.items()}, **OPTIONAL, "load": LoadConfig}.items()
}


def test_the_complete_example_loads(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 1
    path = tmp_path / "small.toml"
    path.write_text(blocks[0].replace("reference_bms", FIRMWARE.as_posix()), "utf-8")
    rig = load_rig(path)
    assert len(rig.wires) == 96 + 3
    assert "fault.cell_overvoltage" in rig.roles


@pytest.mark.parametrize("section", KEYS)
def test_every_key_is_described(section: str) -> None:
    missing = [key for key in KEYS[section] if not re.search(rf"[`\[{{ ]{key}[\]`. =]", TEXT)]
    assert missing == []


LAB = (Path(__file__).parents[3] / "docs" / "lab.md").read_text("utf-8")


def test_the_rig_file_of_the_bench_loads(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", LAB, re.DOTALL)
    text = "\n".join(blocks).replace('"my_rig.toml"', '"laptop"')
    path = tmp_path / "bench.toml"
    path.write_text(text, "utf-8")
    rig = load_rig(path)
    assert (rig.time, rig.bms.kind, rig.bms.heard_ns) == ("real", "external", 5_000_000_000)
    assert rig.safe_state.requests == {"mode": 0.0, "reset": 0.0}
    assert rig.safe_state.outputs == (("relay", "off", "4"), ("supply", "--output", "off"))


def test_the_options_that_it_names_exist(tmp_path: Path) -> None:
    """Rows of the table of adapters: interface, channel, options."""
    rows = re.findall(r"\| `\"(\w+)\"` \| `\"(.+?)\"` \| `(\{.*?\})`", LAB)
    assert [interface for interface, _, _ in rows] == ["socketcan", "pcan", "kvaser", "udp_multicast"]
    for number, (interface, channel, options) in enumerate(rows):
        path = tmp_path / f"bench{number}.toml"
        path.write_text(
            'extends = "laptop"\n[rig]\ntime = "real"\n[bms]\nkind = "external"\n'
            f'[bus.pack]\ninterface = "{interface}"\nchannel = "{channel}"\noptions = {options}\n'
        )
        assert load_rig(path).buses["pack"].interface == interface


def test_the_commands_that_it_names_exist() -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", LAB, re.DOTALL | re.MULTILINE)
    shell = "\n".join(text for language, text in blocks if not language)
    lines = [line.partition("#")[0].split() for line in shell.splitlines() if line.startswith("hil ")]
    assert {line[1] for line in lines} == {"run", "check", "doctor", "plant", "watch", "parity", "replay"}
    for line in lines:
        _parser().parse_args(line[1:])
