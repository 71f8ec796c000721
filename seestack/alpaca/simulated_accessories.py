"""The mount and the filter wheel of the simulated telescope."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from seestack.alpaca.accessories import to_jnow
from seestack.alpaca.errors import error_for
from seestack.alpaca.members import (
    INVALID_OPERATION,
    Member,
    SimulatedDevice,
    as_bool,
    as_float,
    as_int,
    constant,
    lacking,
    within,
)

__all__ = ["SimulatedFilterWheel", "SimulatedMount"]

_PARKED = 0x408
_MOUNT_SYNC_FAILED = 0x4FF
_LATITUDE_DEG, _LONGITUDE_DEG = 47.5, 8.5


class SimulatedMount(SimulatedDevice):
    """An alt-az mount that reports where it points in coordinates of date.

    Parameters
    ----------
    pointing_deg : tuple of float
        Right ascension and declination (J2000) in degrees. Slewing changes what the
        mount reports, not what the camera sees.
    """

    kind = "telescope"
    interface_version = 3

    def __init__(self, pointing_deg: tuple[float, float]) -> None:
        self._home_deg = pointing_deg
        self.reset()
        super().__init__("Seestar S50 Telescope", "seestack-telescope-0")

    def reset(self) -> None:
        """Point where it began, tracking, as when switched off and on."""
        self.connected = False
        self.tracking = True
        self.parked = False
        ra_deg, dec_deg = to_jnow(*self._home_deg, datetime.now(UTC))
        self.ra_h, self.dec_deg = ra_deg / 15, dec_deg

    def _own_members(self) -> dict[str, Member]:
        coordinates = {"RightAscension": as_float, "Declination": as_float}
        return self._fixed_members() | {
            "rightascension": Member(lambda: self.ra_h),
            "declination": Member(lambda: self.dec_deg),
            "altitude": Member(lambda: self._altitude_azimuth()[0]),
            "azimuth": Member(lambda: self._altitude_azimuth()[1]),
            "siderealtime": Member(self._sidereal_h),
            "utcdate": Member(_utc_text),
            "atpark": Member(lambda: self.parked),
            "tracking": Member(lambda: self.tracking, self._track, {"Tracking": as_bool}),
            "park": Member(write=lambda: self._park(True)),
            "unpark": Member(write=lambda: self._park(False)),
            "abortslew": Member(write=self._refuse_if_parked),
            "slewtocoordinatesasync": Member(write=self._slew, fields=coordinates),
            "slewtocoordinates": lacking(True, False, **coordinates),
            "synctocoordinates": lacking(True, False, **coordinates),
            "axisrates": Member(lambda axis: [], fields={"Axis": as_int}),
            "canmoveaxis": Member(lambda axis: False, fields={"Axis": as_int}),
        }

    def _fixed_members(self) -> dict[str, Member]:
        values: dict[str, Any] = {
            "alignmentmode": 0,
            "aperturearea": 0.00196,
            "aperturediameter": 0.05,
            "athome": False,
            "declinationrate": 0.0,
            "doesrefraction": False,
            "equatorialsystem": 1,
            "focallength": 0.25,
            "rightascensionrate": 0.0,
            "siteelevation": 500.0,
            "sitelatitude": _LATITUDE_DEG,
            "sitelongitude": _LONGITUDE_DEG,
            "slewing": False,
            "trackingrate": 0,
            "trackingrates": [0],
        }
        values |= {f"can{what}": what in _ABLE for what in _ABILITIES}
        return {name: constant(value) for name, value in values.items()} | {
            name: lacking() for name in _READ_ONLY_LACKING
        }

    def _refuse_if_parked(self) -> None:
        if self.parked:
            raise error_for(_PARKED, "the telescope is parked")

    def _track(self, tracking: bool) -> None:
        self._refuse_if_parked()
        self.tracking = tracking

    def _park(self, parked: bool) -> None:
        self.parked = parked
        self.tracking = False

    def _slew(self, ra_h: float, dec_deg: float) -> None:
        self._refuse_if_parked()
        if not self.tracking:
            raise error_for(INVALID_OPERATION, "the telescope does not slew without tracking")
        within("RightAscension", ra_h, 0, 24)
        within("Declination", dec_deg, -90, 90)
        self.ra_h, self.dec_deg = ra_h % 24, dec_deg

    def _sidereal_h(self) -> float:
        days = datetime.now(UTC).timestamp() / 86400 - 10957.5
        return (18.697374558 + 24.06570982441908 * days + _LONGITUDE_DEG / 15) % 24

    def _altitude_azimuth(self) -> tuple[float, float]:
        hour = math.radians(15 * (self._sidereal_h() - self.ra_h))
        dec, lat = math.radians(self.dec_deg), math.radians(_LATITUDE_DEG)
        sine = math.sin(dec) * math.sin(lat) + math.cos(dec) * math.cos(lat) * math.cos(hour)
        north = math.sin(dec) * math.cos(lat) - math.cos(dec) * math.sin(lat) * math.cos(hour)
        east = -math.cos(dec) * math.sin(hour)
        altitude = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
        return altitude, math.degrees(math.atan2(east, north)) % 360


class SimulatedFilterWheel(SimulatedDevice):
    """A filter wheel with a dark position, which calls staying where it is an error.

    Only "Dark" changes what the camera sees.
    """

    kind = "filterwheel"
    interface_version = 2

    def __init__(self) -> None:
        self.filters = ["Dark", "IR", "LP"]
        self.reset()
        super().__init__("Seestar S50 Filter Wheel", "seestack-filterwheel-0")

    def reset(self) -> None:
        """Turn to the IR filter."""
        self.connected = False
        self.position = 1

    @property
    def dark(self) -> bool:
        """Whether no light passes."""
        return self.filters[self.position] == "Dark"

    def _own_members(self) -> dict[str, Member]:
        return {
            "names": constant(self.filters),
            "focusoffsets": constant([0] * len(self.filters)),
            "position": Member(lambda: self.position, self._turn, {"Position": as_int}),
        }

    def _turn(self, position: int) -> None:
        within("Position", position, 0, len(self.filters) - 1)
        if position == self.position:
            raise error_for(_MOUNT_SYNC_FAILED, "the filter is in place already")
        self.position = position


_ABLE = ("park", "unpark", "settracking", "slewasync")
_ABILITIES = (
    "findhome",
    "park",
    "pulseguide",
    "setdeclinationrate",
    "setguiderates",
    "setpark",
    "setpierside",
    "setrightascensionrate",
    "settracking",
    "slew",
    "slewaltaz",
    "slewaltazasync",
    "slewasync",
    "sync",
    "syncaltaz",
    "unpark",
)
_READ_ONLY_LACKING = (
    "guideratedeclination",
    "guideraterightascension",
    "ispulseguiding",
    "sideofpier",
    "slewsettletime",
    "targetdeclination",
    "targetrightascension",
)


def _utc_text() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
