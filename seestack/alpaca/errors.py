"""What can go wrong between seestack and an ALPACA device: one family of exceptions.

Every error names the device, the call, the ALPACA error number where there is one,
and the device's own words, both in its text and as attributes.
"""

from __future__ import annotations

from seestack.model import SourceError

__all__ = [
    "AlpacaActionNotImplementedError",
    "AlpacaCancelledError",
    "AlpacaConnectionError",
    "AlpacaDriverError",
    "AlpacaError",
    "AlpacaExposureError",
    "AlpacaInvalidOperationError",
    "AlpacaInvalidValueError",
    "AlpacaNotConnectedError",
    "AlpacaNotImplementedError",
    "AlpacaParkedError",
    "AlpacaProtocolError",
    "AlpacaSlavedError",
    "AlpacaStatusError",
    "AlpacaValueNotSetError",
    "error_for",
]


class AlpacaError(SourceError):
    """An ALPACA call failed.

    Parameters
    ----------
    message : str
        What happened, in the device's words where it gave any.
    device : str, optional
        Such as ``"camera 0 at 192.168.1.20:32323"``.
    call : str, optional
        Such as ``"PUT startexposure"``.
    number : int, default 0
        The ALPACA error number; 0 where the device did not report one.

    Examples
    --------
    >>> error = AlpacaError("busy", device="camera 0", call="PUT startexposure", number=0x40B)
    >>> str(error)
    'camera 0: PUT startexposure: busy (ALPACA error 0x40B)'
    """

    def __init__(self, message: str, *, device: str = "", call: str = "", number: int = 0) -> None:
        parts = [part for part in (device, call, message or "no message") if part]
        suffix = f" (ALPACA error {number:#05X})".replace("0X", "0x") if number else ""
        super().__init__(": ".join(parts) + suffix)
        self.message = message
        self.device = device
        self.call = call
        self.number = number


class AlpacaConnectionError(AlpacaError):
    """The device did not answer: refused, dropped or too slow.

    `sent` is False when the request certainly never reached the device, so that
    it can be repeated without doing anything twice.
    """

    def __init__(
        self, message: str, *, device: str = "", call: str = "", number: int = 0, sent: bool = True
    ) -> None:
        super().__init__(message, device=device, call=call, number=number)
        self.sent = sent


class AlpacaProtocolError(AlpacaError):
    """The device answered with something that is not ALPACA."""


class AlpacaStatusError(AlpacaProtocolError):
    """The device refused the request itself; `status` is the HTTP status."""

    def __init__(
        self, message: str, *, device: str = "", call: str = "", number: int = 0, status: int = 0
    ) -> None:
        super().__init__(message, device=device, call=call, number=number)
        self.status = status


class AlpacaDriverError(AlpacaError):
    """The device reported an error of its own, or one without a standard meaning."""


class AlpacaExposureError(AlpacaError):
    """An exposure did not lead to an image."""


class AlpacaNotImplementedError(AlpacaError):
    """The device does not have this member (0x400)."""

    permanent = True


class AlpacaActionNotImplementedError(AlpacaNotImplementedError):
    """The device does not know this action (0x40C)."""


class AlpacaInvalidValueError(AlpacaError):
    """The device does not accept this value (0x401)."""

    permanent = True


class AlpacaValueNotSetError(AlpacaError):
    """The value was never set (0x402)."""


class AlpacaNotConnectedError(AlpacaError):
    """The device is not connected; call its ``connect()`` first (0x407)."""


class AlpacaParkedError(AlpacaError):
    """The mount is parked (0x408)."""


class AlpacaSlavedError(AlpacaError):
    """The device follows another one (0x409)."""


class AlpacaInvalidOperationError(AlpacaError):
    """The device cannot do this now, for example because it is busy (0x40B)."""


class AlpacaCancelledError(AlpacaError):
    """The operation was stopped on request (0x40E)."""


_BY_NUMBER: dict[int, type[AlpacaError]] = {
    0x400: AlpacaNotImplementedError,
    0x401: AlpacaInvalidValueError,
    0x402: AlpacaValueNotSetError,
    0x407: AlpacaNotConnectedError,
    0x408: AlpacaParkedError,
    0x409: AlpacaSlavedError,
    0x40B: AlpacaInvalidOperationError,
    0x40C: AlpacaActionNotImplementedError,
    0x40E: AlpacaCancelledError,
}


def error_for(number: int, message: str, *, device: str = "", call: str = "") -> AlpacaError:
    """Return the exception for an ALPACA error number; the caller raises it.

    Parameters
    ----------
    number : int
        As the device sent it. A number without a standard meaning, such as the
        Seestar's 0x4FF, gives an `AlpacaDriverError`.
    message : str
        The device's message.
    device, call : str, optional
        See `AlpacaError`.

    Examples
    --------
    >>> type(error_for(0x407, "not connected")).__name__, type(error_for(0x4FF, "")).__name__
    ('AlpacaNotConnectedError', 'AlpacaDriverError')
    """
    kind = _BY_NUMBER.get(number, AlpacaDriverError)
    return kind(message, device=device, call=call, number=number)
