from typing import Any, Final

TYPE_SIZE: Final[int]  # doubles of a drive type
STATE_SIZE: Final[int]  # doubles of a state
# where what is in a state: `drive_state` of drive.h and `induction_state` of induction.h say what it is
TORQUE: Final[int]
LOSS: Final[int]
REQUEST: Final[int]
FLUX: Final[int]
ID: Final[int]
IQ: Final[int]
ELECTRIC: Final[int]
VD: Final[int]
VQ: Final[int]
COPPER: Final[int]
IRON: Final[int]
INVERTER: Final[int]
STORED: Final[int]
RIPPLE_A: Final[int]
RIPPLE_V: Final[int]

def advance(
    drive_type: Any,
    state: Any,
    request_Nm: float,
    speed_rad_s: float,
    low_W: float,
    high_W: float,
    link_V: float,
    dt_s: float,
    steps: int,
    /,
) -> tuple[float, float]: ...
