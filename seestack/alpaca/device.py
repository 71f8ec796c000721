"""What every ALPACA device has in common: an address, a connection, members it may lack."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Self

from seestack.alpaca.errors import AlpacaNotImplementedError
from seestack.alpaca.timeouts import Timeouts
from seestack.alpaca.transport import Transport

__all__ = ["Device"]


class Device:
    """One device of an ALPACA server; base of the camera and its accessories.

    Parameters
    ----------
    address : str
        Host and port of the server, such as ``"192.168.1.20:32323"``.
    number : int, default 0
        Which of the server's devices of this kind.
    timeouts : Timeouts, optional
        How long to wait for answers.

    Notes
    -----
    As a context manager it connects on entry and closes its own connection on exit.
    It leaves the device's ``Connected`` as it is, for others may be using the device.
    """

    kind: ClassVar[str]

    def __init__(self, address: str, number: int = 0, *, timeouts: Timeouts | None = None) -> None:
        self.number = number
        self.transport = Transport(address, f"/api/v1/{self.kind}/{number}", timeouts=timeouts)
        self._lacking: set[str] = set()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Host and port of the server."""
        return self.transport.address

    @property
    def name(self) -> str:
        """What the device calls itself."""
        return str(self.transport.get("name"))

    @property
    def connected(self) -> bool:
        """Whether the server is connected to the device."""
        return bool(self.transport.get("connected"))

    def connect(self) -> None:
        """Connect the server to the device; needed before anything else.

        Sets ``Connected``, which every device has, rather than calling ``Connect``,
        which came later.

        Raises
        ------
        AlpacaError
            If the device does not answer or refuses.
        """
        if not self.connected:
            self.transport.put("connected", Connected=True)

    def disconnect(self) -> None:
        """Disconnect the server from the device, for every client."""
        self.transport.put("connected", Connected=False)

    def close(self) -> None:
        """Close the network connection; a later call opens it again."""
        self.transport.close()

    def get_optional(self, member: str) -> Any:
        """Return the value of a member, or None if the device does not have it.

        A member that is missing once is not asked for again.
        """
        if member in self._lacking:
            return None
        try:
            return self.transport.get(member)
        except AlpacaNotImplementedError:
            self._lacking.add(member)
            return None
