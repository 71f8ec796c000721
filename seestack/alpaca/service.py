"""ALPACA over HTTP, the server's side: routes, parameters, answers and faults.

The answers are as strict as the standard: a request that is not understood gets
status 400 and text, an error of a device gets status 200 and its number. Names of
parameters may be in any case for GET and must be exact for PUT.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import numpy as np
import tornado.web
from numpy.typing import NDArray
from tornado.escape import xhtml_escape

from seestack.alpaca.errors import AlpacaError, error_for
from seestack.alpaca.faults import Fault, Faults, Habits
from seestack.alpaca.members import INVALID_OPERATION, BadRequestError, SimulatedDevice
from seestack.alpaca.protocol import IMAGE_BYTES, encode_image
from seestack.alpaca.simulated_camera import SimulatedCamera

__all__ = ["Service", "application"]

_LARGEST_ID = 2**32 - 1


class Service:
    """What the handlers share: the devices, their faults and habits, and a counter.

    Parameters
    ----------
    devices : list of SimulatedDevice
        The devices, at most one of each kind.
    habits : Habits
        How the camera answers.
    restart : callable
        ``restart(seconds)`` takes the telescope off the network for a while.
    """

    def __init__(
        self, devices: list[SimulatedDevice], habits: Habits, restart: Callable[[float], None]
    ) -> None:
        self.devices = {device.kind: device for device in devices}
        self.habits = habits
        self.restart = restart
        self.faults = Faults()
        self.transactions = count(1)


def application(service: Service) -> tornado.web.Application:
    """Return the web application of a simulated telescope; its routes are all here."""
    shared = {"service": service}
    return tornado.web.Application(
        [
            (r"/api/v1/([^/]*)/([^/]*)/([^/]*)", _DeviceHandler, shared),
            (r"/management/(apiversions)", _ManagementHandler, shared),
            (r"/management/v1/(description|configureddevices)", _ManagementHandler, shared),
            (r"/setup", _SetupHandler, shared),
            (r"/setup/v1/([^/]*)/([^/]*)/setup", _SetupHandler, shared),
        ],
        default_handler_class=_Handler,
        default_handler_args=shared,
        log_function=lambda handler: None,
    )


class _Handler(tornado.web.RequestHandler):
    """Answers every request that nothing else answers with status 400 and text."""

    def initialize(self, service: Service) -> None:
        self.service = service

    async def prepare(self) -> None:
        self.server_id = next(self.service.transactions) % _LARGEST_ID

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def compute_etag(self) -> None:
        """Leave it out: it would cost a hash of every image."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        status = 400 if 400 <= status_code < 500 else 500
        self.refuse(status, f"{self.request.method} {self.request.path} is not understood")

    def log_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        """Leave out what clients get wrong; they are told."""
        if not isinstance(value, tornado.web.HTTPError):
            super().log_exception(kind, value, traceback)

    def refuse(self, status: int, text: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(text)

    async def _not_understood(self, *_: str) -> None:
        self.refuse(400, f"{self.request.method} {self.request.path} is not understood")

    get = put = post = delete = patch = head = options = _not_understood

    def arguments_of(self, method: str) -> dict[str, str]:
        """Return the parameters; names in lower case for GET, exact for PUT."""
        if method == "GET":
            given = self.request.query_arguments
            return {name.lower(): _decoded(values[-1]) for name, values in given.items()}
        return {name: _decoded(values[-1]) for name, values in self.request.body_arguments.items()}

    def client_id_of(self, method: str, arguments: Mapping[str, str]) -> int:
        """Return the client's transaction id, 0 if there is none; check both ids."""
        ids = []
        for name in ("ClientID", "ClientTransactionID"):
            text = arguments.get(name.lower() if method == "GET" else name, "0").strip()
            if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST_ID):
                raise BadRequestError(f"{name} must be a whole number from 0, got {text[:40]!r}")
            ids.append(int(text))
        return ids[1]

    def answer(
        self, client_id: int, value: Any = None, error: AlpacaError | None = None, **more: Any
    ) -> None:
        body: dict[str, Any] = more if value is None else {"Value": value}
        body |= {
            "ClientTransactionID": client_id,
            "ServerTransactionID": self.server_id,
            "ErrorNumber": error.number if error else 0,
            "ErrorMessage": error.message if error else "",
        }
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))


class _ManagementHandler(_Handler):
    async def get(self, what: str) -> None:  # type: ignore[override]
        # Unreadable ids are overlooked here: the standard has no status for them.
        try:
            client_id = self.client_id_of("GET", self.arguments_of("GET"))
        except BadRequestError:
            client_id = 0
        self.answer(client_id, getattr(self, f"_{what}")())

    def _apiversions(self) -> list[int]:
        return [1]

    def _description(self) -> dict[str, str]:
        return {
            "ServerName": "Simulated Seestar S50",
            "Manufacturer": "seestack",
            "ManufacturerVersion": "1.0",
            "Location": "on this computer",
        }

    def _configureddevices(self) -> list[dict[str, Any]]:
        return [
            {
                "DeviceName": device.name,
                "DeviceType": type(device)
                .__name__.removeprefix("Simulated")
                .replace("Mount", "Telescope"),
                "DeviceNumber": 0,
                "UniqueID": device.unique_id,
            }
            for device in self.service.devices.values()
        ]


class _SetupHandler(_Handler):
    """The pages for a browser, which the standard demands and answers in HTML."""

    async def get(self, kind: str = "", number: str = "") -> None:  # type: ignore[override]
        if kind and (kind not in self.service.devices or number != "0"):
            self.refuse(403, f"there is no {kind} {number}")
            return
        self._page("Simulated telescope: there is nothing to set up.")

    def refuse(self, status: int, text: str) -> None:
        self.set_status(403 if self.request.path != "/setup" and status < 500 else status)
        self._page(text)

    def _page(self, text: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(f"<!DOCTYPE html><title>seestack</title><p>{xhtml_escape(text)}")


class _DeviceHandler(_Handler):
    async def get(self, kind: str, number: str, member: str) -> None:  # type: ignore[override]
        await self._call("GET", kind, number, member)

    async def put(self, kind: str, number: str, member: str) -> None:  # type: ignore[override]
        await self._call("PUT", kind, number, member)

    async def _call(self, method: str, kind: str, number: str, member: str) -> None:
        client_id = 0
        try:
            device = self._device(kind, number)
            arguments = self.arguments_of(method)
            client_id = self.client_id_of(method, arguments)
            fault = self.service.faults.strike(member)
            if fault is not None and await self._strike(fault, device, method, arguments, member):
                return
            value = self._value(device, method, member, arguments, fault)
            if isinstance(value, np.ndarray):
                await self._send_image(value, client_id, fault)
            else:
                self.answer(client_id, value)
        except BadRequestError as error:
            self.refuse(400, str(error))
        except AlpacaError as error:
            # The schema of an image wants to see its rank, even where there is none.
            nothing = {"Type": 2, "Rank": 2, "Value": []} if member.startswith("imagearray") else {}
            self.answer(client_id, error=error, **nothing)

    def _device(self, kind: str, number: str) -> SimulatedDevice:
        device = self.service.devices.get(kind)
        if device is None or number != "0":
            raise BadRequestError(f"there is no {kind} {number}")
        return device

    def _value(
        self,
        device: SimulatedDevice,
        method: str,
        member: str,
        arguments: Mapping[str, str],
        fault: Fault | None,
    ) -> Any:
        if isinstance(device, SimulatedCamera) and fault and fault.kind in ("stuck", "failed"):
            device.start(float(arguments["Duration"]), True, fault)
            return None
        return device.call(method, member, arguments)

    async def _strike(
        self,
        fault: Fault,
        device: SimulatedDevice,
        method: str,
        arguments: Mapping[str, str],
        member: str,
    ) -> bool:
        """Do what the fault does instead of the call; False if the call goes on."""
        if fault.takes_effect:
            device.call(method, member, arguments)
        if fault.kind == "error":
            raise error_for(fault.number, fault.message)
        if fault.kind == "busy":
            raise error_for(INVALID_OPERATION, "the device is busy")
        if fault.kind == "refused":
            self.refuse(500, fault.message)
        elif fault.kind == "drop":
            self._hang_up()
        elif fault.kind == "restart":
            self._hang_up()
            self.service.restart(fault.seconds)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return False
        else:
            return False
        return True

    def _hang_up(self) -> None:
        self._auto_finish = False
        self._finished = True
        self.detach().close()

    async def _send_image(self, image: NDArray[Any], client_id: int, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        habits = self.service.habits
        if kind == "wrong-size":
            image = image[:, : image.shape[1] // 2]
        wanted = IMAGE_BYTES in self.request.headers.get("Accept", "").lower()
        if habits.image_format == "json" or not wanted:
            text = await asyncio.get_running_loop().run_in_executor(
                None, _json_image, image, client_id, self.server_id
            )
            body, content_type = text.encode(), "application/json"
        else:
            body = encode_image(
                image,
                element_type=habits.element_type,
                client_id=client_id,
                server_id=self.server_id,
                rows_first=habits.rows_first,
            )
            content_type = IMAGE_BYTES
        if kind == "garbage":
            body = np.random.default_rng(0).bytes(1000)
        self.set_header("Content-Type", content_type)
        await self._send(body + bytes(habits.tail_bytes), cut=kind == "cut")

    async def _send(self, body: bytes, *, cut: bool) -> None:
        if self.service.habits.chunked or cut:
            if cut:
                self.set_header("Content-Length", str(len(body)))
                body = body[: len(body) // 2]
            for start in range(0, len(body), 65_536):
                self.write(body[start : start + 65_536])
                await self.flush()
            if cut:
                self._hang_up()
                return
            self.finish()
            return
        self.finish(body)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise BadRequestError("a parameter is not UTF-8") from None


def _json_image(image: NDArray[Any], client_id: int, server_id: int) -> str:
    answer = {
        "Type": 2,
        "Rank": image.ndim,
        "Value": image.swapaxes(0, 1).tolist(),
        "ClientTransactionID": client_id,
        "ServerTransactionID": server_id,
        "ErrorNumber": 0,
        "ErrorMessage": "",
    }
    return json.dumps(answer)
