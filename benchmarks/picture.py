"""Draw the picture of the README: one frame of a simulated night beside the stack of all.

Run from the repository::

    python benchmarks/picture.py docs/pictures/one_and_many.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from seestack import LiveStacker, SimulatedSource, luminance, stretch
from seestack.alpaca.sky import Sky

FRAMES = 40


def main(path: Path) -> None:
    """Stack a simulated night and write the picture."""
    sky = Sky(
        shape=(960, 720),
        seed=3,
        target="galaxy",
        target_adu_per_s=12.0,
        satellite_rate=0.0,
        cloud=0.0,
    )
    st = LiveStacker()
    frames = list(SimulatedSource(sky, frames=FRAMES))
    for frame in frames:
        report = st.add_frame(frame)
    one, many = luminance(frames[0].image, frames[0].bayer), st.stacked_image()
    inner = (slice(60, -60), slice(60, -60))
    pair = np.hstack([stretch(one[inner]), stretch(many[inner])])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pair).resize((900, 630), Image.Resampling.LANCZOS).save(path, optimize=True)
    print(f"{report['frames_stacked']} frames, SNR gain {report['snr_gain']}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/one_and_many.png"))
