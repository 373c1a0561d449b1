from typing import Any, Final

GRID: Final[int]
TYPE_SIZE: Final[int]

def state_size(strings: int, series: int, parallel: int, /) -> int: ...
def stride(count: int, /) -> int: ...
def refresh(
    type: Any, state: Any, strings: int, series: int, parallel: int, ambient_degC: float, /
) -> None: ...
def thevenin(
    type: Any, state: Any, strings: int, series: int, parallel: int, ambient_degC: float, /
) -> tuple[float, float]: ...
def advance(
    type: Any,
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
