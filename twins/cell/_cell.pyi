from typing import Any, Final

GRID: Final[int]  # intervals of the tables over SOC 0..1
OCV_ROWS: Final[int]  # temperatures of the OCV table
TYPE_SIZE: Final[int]  # doubles of a cell type
HEAD: Final[int]  # doubles before the rows of the state
CELL_ROWS: Final[int]
SOC: Final[int]  # the per-cell rows that are set from outside, by number
H: Final[int]
V1: Final[int]
V2: Final[int]
T: Final[int]
INV_Q: Final[int]
R_FACTOR: Final[int]
BLEED_S: Final[int]  # a per-group row

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
    /,
) -> None: ...
