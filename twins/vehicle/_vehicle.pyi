from typing import Any, Final

GEARS: Final[int]  # most gears
TYPE_SIZE: Final[int]  # doubles of a vehicle type
STATE_SIZE: Final[int]  # doubles of a state
# where what is in a state: `vehicle_state` of vehicle.h says what it is
EMF: Final[int]
RESISTANCE: Final[int]
LOW: Final[int]
HIGH: Final[int]
DISCHARGE: Final[int]
CHARGE: Final[int]
SOURCE: Final[int]
PAYLOAD: Final[int]
GRADE: Final[int]
SPEED: Final[int]
GEAR: Final[int]
TORQUE: Final[int]
LOSS: Final[int]
CURRENT: Final[int]
LINK: Final[int]
POWER: Final[int]
WAY: Final[int]
CHARGE_SUM: Final[int]
DRAWN: Final[int]
FED: Final[int]
AUX: Final[int]
DRIVE: Final[int]
GEARBOX: Final[int]
ROLLING: Final[int]
DRAG: Final[int]
CLIMB: Final[int]
BRAKE: Final[int]
SOURCED: Final[int]
UNSERVED: Final[int]
BEHIND: Final[int]
AT_DRIVE: Final[int]
AT_DISCHARGE: Final[int]
AT_CHARGE: Final[int]
AT_GRIP: Final[int]
MOST: Final[int]
LEAST: Final[int]

def advance(
    vehicle_type: Any,
    state: Any,
    first_m_s: float,
    last_m_s: float,
    look_first_m_s: float,
    look_last_m_s: float,
    dt_s: float,
    steps: int,
    /,
) -> float: ...
def follow(vehicle_type: Any, state: Any, look_m_s: float, torque_Nm: float, dt_s: float, /) -> float: ...
