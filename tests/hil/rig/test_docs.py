"""docs/rig-file.md: its example loads, and it names every key."""

import re
from pathlib import Path

import pytest

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
