"""What can be made to go wrong with the simulated telescope, and its habits.

A `Fault` strikes a number of calls and is over. `Habits` are ways in which a camera
differs for good, within the standard or against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Literal, get_args

__all__ = ["LACKING_ON_SEESTAR", "Fault", "FaultKind", "Faults", "Habits"]

FaultKind = Literal[
    "error",
    "busy",
    "refused",
    "slow",
    "drop",
    "cut",
    "garbage",
    "wrong-size",
    "stuck",
    "failed",
    "restart",
]
_AT_IMAGE = ("cut", "garbage", "wrong-size")
_AT_START = ("busy", "stuck", "failed")

LACKING_ON_SEESTAR = frozenset(
    {
        "connect",
        "connecting",
        "disconnect",
        "electronsperadu",
        "lastexposureduration",
        "lastexposurestarttime",
        "percentcompleted",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with calls to one member.

    Parameters
    ----------
    kind : str
        ``"error"``: the device reports ALPACA error `number`.
        ``"busy"``: it cannot do this now (0x40B).
        ``"refused"``: HTTP status 500 and text.
        ``"slow"``: the answer comes `seconds` later.
        ``"drop"``: the connection is closed without an answer.
        ``"cut"``: the connection is closed in the middle of the image.
        ``"garbage"``: the image is arbitrary bytes.
        ``"wrong-size"``: the image has half the columns.
        ``"stuck"``: the exposure never ends.
        ``"failed"``: the exposure ends without an image, with CameraState 5.
        ``"restart"``: the telescope is gone for `seconds` and comes back not
        connected, its exposure forgotten.
    member : str, optional
        Which calls it strikes, such as ``"imageready"``. Where the kind says what it
        is about (an image, the start of an exposure) this may be left out.
    times : int, default 1
        How many calls it strikes.
    after : int, default 0
        How many calls to the member it lets pass first.
    number, message : int and str
        For ``"error"``.
    seconds : float, default 1
        For ``"slow"`` and ``"restart"``.
    takes_effect : bool, default False
        For ``"error"`` and ``"drop"``: the call is carried out all the same.

    Raises
    ------
    ValueError
        If `kind` is unknown, or needs a member.

    Examples
    --------
    >>> Fault(kind="busy").member
    'startexposure'
    """

    kind: FaultKind
    member: str = ""
    times: int = 1
    after: int = 0
    number: int = 0x500
    message: str = "simulated fault"
    seconds: float = 1.0
    takes_effect: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(
                f"kind must be one of {', '.join(get_args(FaultKind))}, got {self.kind!r}"
            )
        if not self.member:
            usual = dict.fromkeys(_AT_IMAGE, "imagearray") | dict.fromkeys(
                _AT_START, "startexposure"
            )
            if self.kind not in usual:
                raise ValueError(f"member must be given for a fault of kind {self.kind!r}")
            object.__setattr__(self, "member", usual[self.kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the simulated camera answers; the defaults are those of a Seestar S50.

    Parameters
    ----------
    image_format : {"imagebytes", "json"}, default "imagebytes"
        ``"json"`` for a camera that does not know ImageBytes.
    element_type : int, default 8
        ALPACA type of a pixel on the wire: 8 for uint16, 2 for int32.
    rows_first : bool, default False
        Send the axes in the wrong order.
    chunked : bool, default False
        Send an image in pieces, without its length.
    tail_bytes : int, default 0
        What follows an image without belonging to it.
    stale_ready : bool, default False
        Report the last image as ready while the next one is exposed.
    reads_once : bool, default False
        Forget an image that was read.
    lacks : frozenset of str
        Members that are not implemented.
    """

    image_format: Literal["imagebytes", "json"] = "imagebytes"
    element_type: int = 8
    rows_first: bool = False
    chunked: bool = False
    tail_bytes: int = 0
    stale_ready: bool = False
    reads_once: bool = False
    lacks: frozenset[str] = LACKING_ON_SEESTAR


class Faults:
    """The faults that are still to strike; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[_Waiting] = []

    def add(self, fault: Fault) -> None:
        """Let a fault strike."""
        with self._lock:
            self._waiting.append(_Waiting(fault, fault.after, fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def strike(self, member: str) -> Fault | None:
        """Return the fault that strikes this call to `member`, if one does."""
        with self._lock:
            for waiting in self._waiting:
                if waiting.fault.member != member:
                    continue
                if waiting.passes:
                    waiting.passes -= 1
                    continue
                waiting.times -= 1
                if not waiting.times:
                    self._waiting.remove(waiting)
                return waiting.fault
        return None


@dataclass(slots=True, eq=False)
class _Waiting:
    fault: Fault
    passes: int
    times: int
