"""Write a small simulated night to files, to try seestack without a telescope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from seestack.model import Transform
from seestack.simulation import random_field, simulate_frame

__all__ = ["write_demo_frames"]

_SHAPE = (720, 480)
_EXPOSURE_S = 10.0


def write_demo_frames(folder: Path, *, frames: int = 16, seed: int = 1) -> list[Path]:
    """Write frames of one star field under a drifting, turning telescope.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    frames : int, default 16
        Number of FITS files.
    seed : int, default 1
        Equal seeds give equal pixels.

    Returns
    -------
    list of Path
        The files, in order.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_demo_frames(Path(folder), frames=2)]
    ['Light_Demo_10.0s_0001.fit', 'Light_Demo_10.0s_0002.fit']
    """
    from astropy.io import fits

    folder.mkdir(parents=True, exist_ok=True)
    field = random_field(_SHAPE, 500, seed=seed, margin_px=80, faintest_adu=1_500.0)
    start = datetime(2026, 4, 9, 21, 0, tzinfo=UTC)
    paths = []
    for n in range(frames):
        motion = Transform.rigid(rotation_deg=0.12 * n, shift_px=(1.7 * n, -1.1 * n))
        pixels = simulate_frame(field, _SHAPE, transform=motion, seed=100 * seed + n)
        cards = fits.Header()
        cards["EXPTIME"] = (_EXPOSURE_S, "[s]")
        cards["DATE-OBS"] = (start + timedelta(seconds=12 * n)).replace(tzinfo=None).isoformat()
        cards["OBJECT"], cards["INSTRUME"] = "Demo", "simulated"
        path = folder / f"Light_Demo_10.0s_{n + 1:04}.fit"
        fits.writeto(path, np.round(pixels).astype(np.uint16), cards, overwrite=True)
        paths.append(path)
    return paths
