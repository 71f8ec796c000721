"""How long to wait for a device."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a device, in seconds.

    Parameters
    ----------
    connect_s : float, default 4
        For a connection.
    read_s : float, default 10
        For the next bytes of an answer.
    answer_s : float, default 20
        For the whole answer to an ordinary call.
    image_s : float, default 120
        For a whole image.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> Timeouts(image_s=30.0).read_s
    10.0
    """

    connect_s: float = 4.0
    read_s: float = 10.0
    answer_s: float = 20.0
    image_s: float = 120.0

    def __post_init__(self) -> None:
        for name in ("connect_s", "read_s", "answer_s", "image_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
