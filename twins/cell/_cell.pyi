from typing import Any, Final

GRID: Final[int]  # intervals of the tables over SOC 0..1
OCV_ROWS: Final[int]  # temperatures of the OCV table
TYPE_SIZE: Final[int]  # doubles of a cell type
HEAD: Final[int]  # doubles before the rows of the state
CELL_ROWS: Final[int]
GROUP_ROWS: Final[int]
REACTIONS: Final[int]

# the per-cell rows, by number: see cell.h
SOC: Final[int]
H: Final[int]
V1: Final[int]
V2: Final[int]
T: Final[int]
INV_Q: Final[int]
R_FACTOR: Final[int]
SURFACE: Final[int]
HEAT_J: Final[int]
LOST_As: Final[int]
SHORT_S: Final[int]
TAB_Ohm: Final[int]
LEAK_FACTOR: Final[int]
LOSS: Final[int]
GROWTH: Final[int]
SEEN: Final[int]
TURN: Final[int]
PEAK: Final[int]
GONE: Final[int]
E: Final[int]
AT_T: Final[int]
R: Final[int]
R1: Final[int]
R2: Final[int]

# per-group rows
BLEED_S: Final[int]
LINK_Ohm: Final[int]
WIRE_J: Final[int]
BLEED_J: Final[int]
BLEED_As: Final[int]

# per-string rows
STRING_OFF: Final[int]
STRING_E: Final[int]
STRING_As: Final[int]

# places before the rows
HEAD_CIRCUIT: Final[int]
HEAD_BOOKS: Final[int]
HEAD_COOLANT_degC: Final[int]
HEAD_BAR_Ohm: Final[int]

def state_size(strings: int, series: int, parallel: int, /) -> int: ...
def stride(count: int, /) -> int: ...
def prepare(cell_type: Any, /) -> None: ...
def refresh(
    cell_type: Any, state: Any, strings: int, series: int, parallel: int, ambient_degC: float, /
) -> None: ...
def thevenin(
    cell_type: Any, state: Any, strings: int, series: int, parallel: int, ambient_degC: float, /
) -> tuple[float, float]: ...
def advance(
    cell_type: Any,
    state: Any,
    strings: int,
    series: int,
    parallel: int,
    ambient_degC: float,
    current_A: float,
    dt_s: float,
    steps: int,
    /,
) -> tuple[float, float, float]: ...
def split(
    cell_type: Any,
    state: Any,
    strings: int,
    series: int,
    parallel: int,
    ambient_degC: float,
    current_A: float,
    group_V: Any,
    cell_A: Any,
    string_A: Any,
    /,
) -> None: ...
def ageing(
    cell_type: Any,
    temperature_degC: float,
    soc: float,
    ocv_V: float,
    depth: float,
    c_rate: float,
    middle_V: float,
    seconds: float,
    cycles: float,
    /,
) -> tuple[float, float]: ...
