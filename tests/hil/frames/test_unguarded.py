"""Counters and checksums by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.frames.database import load_database
from hil.frames.unguarded import unguarded

_PROFILE = (
    'BA_DEF_ BO_ "E2EProfile" ENUM "None","XOR";\nBA_DEF_DEF_ "E2EProfile" "None";\n'
    'BA_DEF_ SG_ "E2ERole" ENUM "None","Counter","Checksum";\nBA_DEF_DEF_ "E2ERole" "None";\n'
    'BA_ "E2EProfile" BO_ 1 1;\nBA_ "E2ERole" SG_ 1 A_Alive 1;\nBA_ "E2ERole" SG_ 1 A_Chk 2;\n'
)
_ALIVE = ' SG_ A_Alive : 48|4@1+ (1,0) [0|15] "" X\n'
_CHECKSUM = ' SG_ A_Chk : 56|8@1+ (1,0) [0|255] "" X\n'


@pytest.mark.parametrize(
    ("signals", "found"),
    [
        (_ALIVE + _CHECKSUM, {"A_Alive": "Counter", "A_Chk": "Checksum"}),
        (_ALIVE + _CHECKSUM + _PROFILE, {}),
        (' SG_ MsgCnt : 0|4@1+ (1,0) [0|15] "" X\n' + _CHECKSUM, {"MsgCnt": "Counter", "A_Chk": "Checksum"}),
        (' SG_ CellCnt : 0|8@1+ (1,0) [0|255] "" X\n', {}),  # of cells, not of frames
        (' SG_ CycleCnt : 0|16@1+ (1,0) [0|65535] "" X\n' + _CHECKSUM, {"A_Chk": "Checksum"}),
        (' SG_ CheckVoltage : 0|8@1+ (1,0) [0|255] "V" X\n', {}),
        (' SG_ CRC8 : 0|8@1+ (1,0) [0|255] "" X\n', {"CRC8": "Checksum"}),
        (' SG_ CrcError : 0|1@1+ (1,0) [0|1] "" X\n', {}),
    ],
)
def test_what_a_name_tells(tmp_path: Path, signals: str, found: dict[str, str]) -> None:
    path = tmp_path / "a.dbc"
    path.write_text(f'VERSION ""\nBU_: X\nBO_ 1 M: 8 X\n{signals}')
    assert unguarded(load_database([path]).messages["M"]) == found
