"""All times of GB/T 27930-2015 on both sides, and what else may be chosen.

Source of a timeout: the CEM/BEM tables for which messages have one; their values from two open
implementations (charger: ``bms_gb.c`` of Yangyuanxin/Embedded-Product-Collect; BMS:
``ChargingControl.c`` of tyu05/C-Code-for-GB-T27930-2015-Protocol): 5 s in general, 60 s for
readiness, 1 s for BCL and CCS. BSD and CSD have 10 s in the standard. The official table has not
been compared. What is marked provisional has no source.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.clock import NS_PER_MS, NS_PER_S

CHARGER_ADDRESS, BMS_ADDRESS = 0x56, 0xF4
NOT_YET, READY = 0.0, float(0xAA)  # of CRM, BRO and CRO
CONSTANT_VOLTAGE, CONSTANT_CURRENT = 1.0, 2.0  # modes of BCL
TIMED_OUT = 1.0  # in CEM and BEM
YES = 1.0  # in BST and CST
LARGEST_A = 400.0  # a current lies within -400 A and 400 A on the wire
SAFE_A = 5.0  # below this current the charger opens its contactors


@dataclass(frozen=True)
class ChargerTimes:
    """Of the charging station, in ns.

    Attributes:
        bhm_ns: For the first BHM. Provisional: the standard has no error message for it.
        insulation_ns: Length of the insulation test (a capture shows 16 s with all that goes with it).
        brm_ns: For BRM after CRM 'unknown'.
        bcp_ns: For BCP after CRM 'recognised'.
        bro_ns: For any BRO after CML, and between two of them.
        bro_ready_ns: For BRO 'ready'.
        prepare_ns: From BRO 'ready' to CRO 'ready'; provisional.
        no_battery_ns: For the vehicle to put its battery on the line before that; provisional.
        first_ns: For the first BCL and BCS after CRO 'ready'.
        bcl_ns: Without BCL the output stops at once.
        bcs_ns: Without BCS.
        bst_ns: For BST after an own CST.
        bsd_ns: For BSD.
        csd_ns: How long CSD is sent at the end; provisional.
        cem_ns: How long CEM is sent before the next attempt; provisional.
        bem_quiet_ns: How long it then waits for the BMS to finish its own BEM; provisional.
        pause_ns: For how long a BMS may forbid charging by BSM before the session ends.
        patience_ns: How long output may go beyond what is wanted; provisional.
    """

    bhm_ns: int = 60 * NS_PER_S
    insulation_ns: int = 3 * NS_PER_S
    brm_ns: int = 5 * NS_PER_S
    bcp_ns: int = 5 * NS_PER_S
    bro_ns: int = 5 * NS_PER_S
    bro_ready_ns: int = 60 * NS_PER_S
    prepare_ns: int = 1 * NS_PER_S
    no_battery_ns: int = 10 * NS_PER_S
    first_ns: int = 5 * NS_PER_S
    bcl_ns: int = 1 * NS_PER_S
    bcs_ns: int = 5 * NS_PER_S
    bst_ns: int = 5 * NS_PER_S
    bsd_ns: int = 10 * NS_PER_S
    csd_ns: int = 5 * NS_PER_S
    cem_ns: int = 3 * NS_PER_S
    bem_quiet_ns: int = 10 * NS_PER_S
    pause_ns: int = 600 * NS_PER_S
    patience_ns: int = 2 * NS_PER_S


@dataclass(frozen=True)
class VehicleTimes:
    """Of the vehicle, in ns.

    Attributes:
        crm_ns: For CRM 'unknown' after the last CHM.
        crm_ready_ns: For CRM 'recognised' after BRM.
        cml_ns: For CTS and CML after BCP.
        ready_ns: From then to BRO 'ready'; provisional.
        cro_ns: For any CRO after BRO 'ready', and between two of them.
        cro_ready_ns: For CRO 'ready'.
        ccs_ns: Without CCS the vehicle stops.
        first_ns: For the first CCS.
        cst_ns: For CST after an own BST.
        csd_ns: For CSD after BSD.
        bem_ns: How long BEM is sent before the next attempt; provisional.
    """

    crm_ns: int = 5 * NS_PER_S
    crm_ready_ns: int = 5 * NS_PER_S
    cml_ns: int = 5 * NS_PER_S
    ready_ns: int = 500 * NS_PER_MS
    cro_ns: int = 5 * NS_PER_S
    cro_ready_ns: int = 60 * NS_PER_S
    ccs_ns: int = 1 * NS_PER_S
    first_ns: int = 5 * NS_PER_S
    cst_ns: int = 5 * NS_PER_S
    csd_ns: int = 10 * NS_PER_S
    bem_ns: int = 3 * NS_PER_S
