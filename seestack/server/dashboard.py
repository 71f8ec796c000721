"""Dashboard: the server in its own thread, on the command line and in a notebook."""

from __future__ import annotations

import asyncio
import html
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from seestack.config import Settings, load_settings
from seestack.configured import configured_session
from seestack.loopthread import LoopThread
from seestack.server.app import bounded_server
from seestack.server.limits import Limits
from seestack.server.refusals import Refusal
from seestack.server.security import Guard, is_loopback, new_token
from seestack.server.service import Service
from seestack.server.sessions import Sessions
from seestack.session import CaptureSession

__all__ = ["Dashboard", "serve"]


class Dashboard:
    """The dashboard on the network, from `start` to `stop`.

    Parameters
    ----------
    sessions : Sessions
        Whose stack is shown.
    address : str, default "127.0.0.1"
        What to listen on.
    port : int, default 5173
        0 takes a free one.
    token : str, optional
        Asked of everyone. On loopback none is asked for by default, elsewhere one is
        made up.
    allowed_hosts : iterable of str, optional
        Further names of this server, such as that of a proxy.
    limits : Limits, optional
        What is granted.

    Examples
    --------
    >>> import requests
    >>> with Dashboard(Sessions(configured_session, Settings()), port=0) as dashboard:
    ...     status = requests.get(f"{dashboard.url}api/status", timeout=5).json()
    >>> status["state"], status["frames_stacked"], status["preview_png_b64"]
    ('idle', 0, None)
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        address: str = "127.0.0.1",
        port: int = 5173,
        token: str | None = None,
        allowed_hosts: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> None:
        self.sessions, self.address, self.port = sessions, address, port
        self.token = token or (None if is_loopback(address) else new_token())
        self._guard = Guard(address, token=self.token, allowed_hosts=allowed_hosts)
        self._limits = limits or Limits()
        self._thread = LoopThread(self._on_network, name="seestack-dashboard")

    @property
    def url(self) -> str:
        """Where a browser finds it, without the token."""
        host = _reachable(self.address)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def link(self) -> str:
        """The address to open in a browser, with the token if one is needed."""
        return f"{self.url}?token={self.token}" if self.token else self.url

    def start(self) -> None:
        """Go on the network.

        Raises
        ------
        OSError
            If the port is taken.
        RuntimeError
            If it is running already.
        """
        self._thread.start()

    def stop(self) -> None:
        """End the session, unless it was given, and leave the network."""
        self.sessions.close()
        self._thread.stop()

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

    def __repr__(self) -> str:
        state = "running" if self._thread.is_running else "stopped"
        return f"<seestack dashboard at {self.url}, {state}>"

    def _repr_html_(self) -> str:
        link = html.escape(self.link)
        return f'seestack dashboard at <a href="{link}" target="_blank">{html.escape(self.url)}</a>'

    @asynccontextmanager
    async def _on_network(self) -> AsyncIterator[None]:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        listening = socket.create_server((self.address, self.port), family=family, backlog=1024)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        service = Service(self.sessions, self._guard, self._limits, cookie=f"seestack-{self.port}")
        server = bounded_server(service)
        server.add_socket(listening)
        loop = asyncio.get_running_loop()
        forget = self.sessions.observe(lambda: self._thread.call_soon(service.announce))
        try:
            yield
        finally:
            forget()
            server.stop()
            service.viewers.close()
            await server.close_all_connections()
            await loop.run_in_executor(None, service.close)


def serve(
    session: CaptureSession | Callable[[Settings], CaptureSession] | None = None,
    *,
    settings: Settings | None = None,
    address: str | None = None,
    port: int | None = None,
    token: str | None = None,
    on_end: Callable[[CaptureSession], None] | None = None,
    limits: Limits | None = None,
) -> Dashboard:
    """Start the dashboard and return it; it runs in a thread of its own.

    Parameters
    ----------
    session : CaptureSession or callable, optional
        A session to watch, and to start if it is not started. Or
        ``session(settings)``, which makes a new one for each start. By default the
        camera or folder of the settings is used.
    settings : Settings, optional
        Those of ``config.yaml`` by default.
    address, port, token : optional
        Over those of the settings' section ``server``. Any address but loopback needs a
        token; one is made up where none is given.
    on_end : callable, optional
        ``on_end(session)`` is called once each session has ended, in its own thread.
    limits : Limits, optional
        What is granted.

    Returns
    -------
    Dashboard
        Its `link` opens in a browser; `stop` ends it.

    Raises
    ------
    OSError
        If the port is taken.

    Examples
    --------
    >>> from seestack.sources.simulated import SimulatedSource
    >>> session = CaptureSession(SimulatedSource(), frames=5)
    >>> dashboard = serve(session, port=0)
    >>> dashboard.url.startswith("http://127.0.0.1:")
    True
    >>> dashboard.stop()
    """
    settings = settings or load_settings()
    server = settings.server
    given = session if isinstance(session, CaptureSession) else None
    make = _only_once if given is not None else session or configured_session
    assert not isinstance(make, CaptureSession)
    dashboard = Dashboard(
        Sessions(make, settings, given=given, on_end=on_end),
        address=server.address if address is None else address,
        port=server.port if port is None else port,
        token=token or server.token,
        allowed_hosts=tuple((server.allowed_hosts or "").split()),
        limits=limits,
    )
    dashboard.start()
    return dashboard


def _only_once(settings: Settings) -> CaptureSession:
    raise Refusal("session_over")


def _reachable(address: str) -> str:
    """Return an address that others can open, for the one that means all of them."""
    if address not in ("0.0.0.0", "::"):
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks which way it would go
        except OSError:
            return socket.gethostname()
        name: str = probe.getsockname()[0]
        return name
