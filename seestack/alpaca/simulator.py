"""A telescope on loopback that looks like a Seestar S50: camera, mount, filter wheel.

It is a real ALPACA server with discovery and management, for working without hardware.
It runs in a thread of its own and answers on this computer only. Its sky has truth,
and it can be made to fail.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
import tornado.httpserver
from numpy.typing import ArrayLike, NDArray

from seestack.alpaca.discovery import DISCOVERY_PORT, QUESTION
from seestack.alpaca.faults import Fault, Habits
from seestack.alpaca.members import SimulatedDevice
from seestack.alpaca.scene import Scene
from seestack.alpaca.service import Service, application
from seestack.alpaca.simulated_accessories import SimulatedFilterWheel, SimulatedMount
from seestack.alpaca.simulated_camera import Draw, SimulatedCamera
from seestack.alpaca.sky import Sky, View
from seestack.loopthread import LoopThread

__all__ = ["SimulatedTelescope"]

logger = logging.getLogger(__name__)


class SimulatedTelescope:
    """A simulated telescope, on the network while it is used as a context manager.

    Parameters
    ----------
    sky : Sky, optional
        What there is to see.
    port : int, default 0
        TCP port; 0 takes a free one.
    host : str, default "127.0.0.1"
        Address to listen on. Anything but loopback lets others on the network in.
    discovery_port : int or None, default 32227
        UDP port on which it can be discovered; 0 takes a free one, None switches it
        off. If the port is taken, the telescope runs without discovery.
    speed : float, default 1
        How many times shorter an exposure is than it says.
    habits : Habits, optional
        How the camera differs from a Seestar's.
    picture : array_like, optional
        An image of shape (H, W) or (H, W, 3) that the camera shows instead of the sky,
        of a type that holds unsigned 16-bit numbers.
    pointing_deg : tuple of float, default (83.82, -5.39)
        Right ascension and declination (J2000), in degrees.

    Raises
    ------
    ValueError
        If `speed` is not positive or `picture` has another shape.

    Examples
    --------
    >>> from seestack.alpaca.client import Camera
    >>> picture = np.arange(24).reshape(4, 6)
    >>> with SimulatedTelescope(picture=picture, speed=50, discovery_port=None) as telescope:
    ...     with Camera(telescope.address) as camera:
    ...         frame = camera.expose(1.0)
    >>> frame.image.tolist() == picture.tolist(), telescope.frames_taken
    (True, 1)
    """

    def __init__(
        self,
        sky: Sky | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        discovery_port: int | None = DISCOVERY_PORT,
        speed: float = 1.0,
        habits: Habits | None = None,
        picture: ArrayLike | None = None,
        pointing_deg: tuple[float, float] = (83.82, -5.39),
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, got {speed!r}")
        self.sky = sky or Sky()
        self.discovery_port: int | None = None
        self._wanted_port, self._host, self._wanted_discovery = port, host, discovery_port
        self._speed, self._habits, self._pointing = speed, habits or Habits(), pointing_deg
        self._picture = None if picture is None else _checked(picture)
        self._thread = LoopThread(self._on_network, name="simulated-telescope")
        self._port = 0
        self._restarting: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Host and port, such as ``"127.0.0.1:41234"``."""
        return f"{self._host}:{self._port}"

    @property
    def frames_taken(self) -> int:
        """Number of exposures that led to an image."""
        return len(self._camera.views)

    def truth(self, index: int) -> View:
        """Return the truth about an exposure that led to an image, counted from 0."""
        return self._camera.views[index]

    def inject(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._service.faults.add(fault)

    def start(self) -> None:
        """Go on the network.

        Raises
        ------
        OSError
            If the port is taken.
        RuntimeError
            If it is running already.
        """
        if self._thread.is_running:
            raise RuntimeError("the simulated telescope is running already")
        self._service = Service(self._devices(), self._habits, self._restart)
        self._thread.start()

    def stop(self) -> None:
        """Leave the network and wait until every thread has ended."""
        self._thread.stop()

    def _devices(self) -> list[SimulatedDevice]:
        mount, wheel = SimulatedMount(self._pointing), SimulatedFilterWheel()
        draw, shape, planes = self._draw()

        def through_filter(view: View, gain: int, light: bool) -> NDArray[Any]:
            return draw(view, gain, light and not wheel.dark)

        self._camera = SimulatedCamera(
            self.sky, shape, through_filter, self._habits, speed=self._speed, planes=planes
        )
        return [self._camera, mount, wheel]

    def _draw(self) -> tuple[Draw, tuple[int, int], int]:
        """Return what draws an exposure, the sensor's shape and the number of planes."""
        picture = self._picture
        if picture is not None:
            return (
                lambda view, gain, light: picture,
                (picture.shape[0], picture.shape[1]),
                1 if picture.ndim == 2 else 3,
            )
        scene = Scene(self.sky)
        return (
            lambda view, gain, light: scene.expose(view, gain=gain, light=light),
            self.sky.shape,
            1,
        )

    @asynccontextmanager
    async def _on_network(self) -> AsyncIterator[None]:
        try:
            self._listen(self._wanted_port)
            discovery = await self._answer_discovery()
            yield
            if self._restarting is not None:
                self._restarting.cancel()
            if discovery is not None:
                discovery.close()
            await self._hang_up()
        finally:
            self._camera.close()

    def _listen(self, port: int) -> None:
        listening = socket.create_server((self._host, port), backlog=128)
        listening.setblocking(False)
        self._port = listening.getsockname()[1]
        self._server = tornado.httpserver.HTTPServer(application(self._service))
        self._server.add_socket(listening)

    async def _hang_up(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()

    def _restart(self, seconds: float) -> None:
        self._restarting = asyncio.get_running_loop().create_task(self._be_away(seconds))

    async def _be_away(self, seconds: float) -> None:
        await self._hang_up()
        for device in self._service.devices.values():
            device.reset()
        await asyncio.sleep(seconds)
        self._listen(self._port)

    async def _answer_discovery(self) -> asyncio.DatagramTransport | None:
        if self._wanted_discovery is None:
            return None
        shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            shared.bind((self._host, self._wanted_discovery))
        except OSError as error:
            shared.close()
            logger.warning("no discovery on UDP port %s: %s", self._wanted_discovery, error)
            return None
        self.discovery_port = shared.getsockname()[1]
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _DiscoveryResponder(self._port), sock=shared
        )
        return transport


class _DiscoveryResponder(asyncio.DatagramProtocol):
    """Answers the question of discovery with the port of the telescope."""

    def __init__(self, port: int) -> None:
        self._answer = json.dumps({"AlpacaPort": port}).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        if data.startswith(QUESTION):
            self._transport.sendto(self._answer, address)


def _checked(picture: ArrayLike) -> NDArray[np.uint16]:
    image = np.asarray(picture)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"picture must have shape (H, W) or (H, W, 3), got {image.shape}")
    return image.astype(np.uint16)
