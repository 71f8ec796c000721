"""What an ALPACA server says about itself and its devices."""

from __future__ import annotations

from dataclasses import dataclass

from seestack.alpaca.errors import AlpacaProtocolError
from seestack.alpaca.timeouts import Timeouts
from seestack.alpaca.transport import Transport

__all__ = ["ConfiguredDevice", "Server", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredDevice:
    """One device of a server.

    Parameters
    ----------
    address : str
        Host and port of the server.
    kind : str
        In lower case, such as ``"camera"``.
    number : int
        Which of the server's devices of this kind.
    name : str
        What the device calls itself.
    unique_id : str
        Stays the same when the address changes.
    """

    address: str
    kind: str
    number: int
    name: str
    unique_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An ALPACA server.

    Parameters
    ----------
    address : str
        Host and port, such as ``"192.168.1.20:32323"``.
    name, manufacturer, version : str
        As the server says; empty where it did not.
    devices : tuple of ConfiguredDevice
        Its devices; empty where it did not say.
    """

    address: str
    name: str = ""
    manufacturer: str = ""
    version: str = ""
    devices: tuple[ConfiguredDevice, ...] = ()

    def find(self, kind: str) -> ConfiguredDevice | None:
        """Return the first device of a kind, such as ``"camera"``; None without one."""
        return next((device for device in self.devices if device.kind == kind), None)


def describe(
    address: str,
    *,
    timeouts: Timeouts | None = None,
    retry_pauses_s: tuple[float, ...] = (0.2, 1.0),
) -> Server:
    """Ask a server what it is and which devices it has.

    Parameters
    ----------
    address : str
        Host and port, such as ``"192.168.1.20:32323"``.
    timeouts : Timeouts, optional
        How long to wait for answers.
    retry_pauses_s : tuple of float, optional
        Pauses before a call that got no answer is repeated.

    Returns
    -------
    Server
        What it says.

    Raises
    ------
    AlpacaError
        If there is no answer, or one that is not ALPACA.

    Examples
    --------
    >>> from seestack.alpaca.simulator import SimulatedTelescope
    >>> with SimulatedTelescope(picture=[[0, 1], [2, 3]], discovery_port=None) as telescope:
    ...     server = describe(telescope.address)
    >>> server.name, [device.kind for device in server.devices]
    ('Simulated Seestar S50', ['camera', 'telescope', 'filterwheel'])
    """
    with Transport(
        address,
        "/management/v1",
        device=f"server at {address}",
        timeouts=timeouts,
        retry_pauses_s=retry_pauses_s,
    ) as transport:
        about = transport.get("description")
        listed = transport.get("configureddevices")
    try:
        return Server(
            address=address,
            name=str(about["ServerName"]),
            manufacturer=str(about["Manufacturer"]),
            version=str(about["ManufacturerVersion"]),
            devices=tuple(_device(address, entry) for entry in listed),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AlpacaProtocolError(
            f"description or list of devices is malformed ({error})",
            device=f"server at {address}",
            call="GET management",
        ) from error


def _device(address: str, entry: dict[str, object]) -> ConfiguredDevice:
    return ConfiguredDevice(
        address=address,
        kind=str(entry["DeviceType"]).lower(),
        number=int(str(entry["DeviceNumber"])),
        name=str(entry["DeviceName"]),
        unique_id=str(entry["UniqueID"]),
    )
