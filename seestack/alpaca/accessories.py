"""The telescope mount and the filter wheel, as far as a session needs them."""

from __future__ import annotations

import math
import time
from datetime import datetime

from seestack.alpaca.device import Device
from seestack.alpaca.errors import AlpacaDriverError, AlpacaExposureError, AlpacaInvalidValueError

__all__ = ["FilterWheel", "Telescope", "to_j2000", "to_jnow"]

_J2000 = 2
_DAY_S = 86_400.0
_UNIX_EPOCH_JD = 2_440_587.5
_TT_MINUS_UTC_S = 69.2


class Telescope(Device):
    """A telescope mount: tracking, and where it points.

    Parameters
    ----------
    address : str
        Host and port of the server, such as ``"192.168.1.20:32323"``.
    number : int, default 0
        Which telescope of the server.
    timeouts : Timeouts, optional
        How long to wait for answers.
    """

    kind = "telescope"

    @property
    def tracking(self) -> bool:
        """Whether the mount follows the stars."""
        return bool(self.transport.get("tracking"))

    def track(self) -> None:
        """Make the mount follow the stars.

        Raises
        ------
        AlpacaError
            If the mount does not track afterwards, for example because it is parked.

        Notes
        -----
        Some mounts report an error of their own and track all the same, so what
        counts is whether the mount says that it tracks.
        """
        if self.tracking:
            return
        try:
            self.transport.put("tracking", Tracking=True)
        except AlpacaDriverError:
            if not self.tracking:
                raise

    def position_j2000(self, when: datetime) -> tuple[float, float]:
        """Return where the telescope points as J2000 (ICRS) coordinates.

        Parameters
        ----------
        when : datetime
            The time of the reading, with time zone.

        Returns
        -------
        tuple of float
            Right ascension and declination in degrees.

        Raises
        ------
        AlpacaError
            If the mount does not tell.
        """
        ra_deg = 15.0 * float(self.transport.get("rightascension"))
        dec_deg = float(self.transport.get("declination"))
        system = self.get_optional("equatorialsystem")
        return (ra_deg, dec_deg) if system == _J2000 else to_j2000(ra_deg, dec_deg, when)


class FilterWheel(Device):
    """A filter wheel.

    Parameters
    ----------
    address : str
        Host and port of the server, such as ``"192.168.1.20:32323"``.
    number : int, default 0
        Which filter wheel of the server.
    timeouts : Timeouts, optional
        How long to wait for answers.
    """

    kind = "filterwheel"

    @property
    def names(self) -> tuple[str, ...]:
        """The filters, in the order of their positions."""
        return tuple(map(str, self.transport.get("names")))

    @property
    def filter(self) -> str | None:
        """The filter in use; None while the wheel turns."""
        position = int(self.transport.get("position"))
        return self.names[position] if position >= 0 else None

    def select(self, name: str, *, timeout_s: float = 30.0) -> None:
        """Turn to a filter and wait until it is in place.

        Parameters
        ----------
        name : str
            One of `names`.
        timeout_s : float, default 30
            How long the wheel may turn.

        Raises
        ------
        AlpacaInvalidValueError
            If the wheel has no such filter.
        AlpacaError
            If the wheel does not answer, refuses, or does not arrive.
        """
        names = self.names
        if name not in names:
            raise AlpacaInvalidValueError(
                f"filter must be one of {', '.join(names)}, got {name!r}",
                device=self.transport.device,
            )
        wanted = names.index(name)
        # A wheel may call it an error to be sent where it already is.
        if int(self.transport.get("position")) == wanted:
            return
        self.transport.put("position", Position=wanted)
        deadline = time.monotonic() + timeout_s
        while int(self.transport.get("position")) != wanted:
            if time.monotonic() > deadline:
                raise AlpacaExposureError(
                    f"filter {name} is not in place after {timeout_s:.0f} s",
                    device=self.transport.device,
                )
            time.sleep(0.25)


def to_j2000(ra_deg: float, dec_deg: float, when: datetime) -> tuple[float, float]:
    """Return J2000 (ICRS) coordinates for apparent coordinates of date (JNow).

    Parameters
    ----------
    ra_deg, dec_deg : float
        Apparent right ascension and declination in degrees, as mounts report them.
    when : datetime
        The date of the equinox, with time zone.

    Returns
    -------
    tuple of float
        Right ascension in [0, 360) and declination, in degrees.

    Examples
    --------
    In 26 years the equinox moves by a third of a degree.

    >>> from datetime import UTC
    >>> ra, dec = to_j2000(84.15, -5.38, datetime(2026, 2, 1, tzinfo=UTC))
    >>> round(ra, 1), round(dec, 1)
    (83.8, -5.4)
    """
    # Not astropy's frames: they want the Earth's rotation, to be downloaded, which
    # these coordinates do not depend on.
    import erfa

    days = _terrestrial_days(when)
    cirs_ra = math.radians(ra_deg) + float(erfa.eo06a(_UNIX_EPOCH_JD, days))
    ra, dec, _ = erfa.atic13(cirs_ra, math.radians(dec_deg), _UNIX_EPOCH_JD, days)
    return math.degrees(ra) % 360.0, math.degrees(dec)


def to_jnow(ra_deg: float, dec_deg: float, when: datetime) -> tuple[float, float]:
    """Return apparent coordinates of date for J2000 (ICRS) coordinates: undo `to_j2000`.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Right ascension and declination in degrees.
    when : datetime
        The date of the equinox, with time zone.

    Returns
    -------
    tuple of float
        Apparent right ascension in [0, 360) and declination, in degrees.
    """
    import erfa

    ra, dec, origins = erfa.atci13(
        math.radians(ra_deg),
        math.radians(dec_deg),
        *(0.0, 0.0, 0.0, 0.0),
        _UNIX_EPOCH_JD,
        _terrestrial_days(when),
    )
    return math.degrees(ra - origins) % 360.0, math.degrees(dec)


def _terrestrial_days(when: datetime) -> float:
    """Return days of terrestrial time since 1970; a second does not matter here."""
    return (when.timestamp() + _TT_MINUS_UTC_S) / _DAY_S
