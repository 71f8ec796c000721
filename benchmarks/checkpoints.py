"""What a checkpoint costs: ``python benchmarks/checkpoints.py [FOLDER]``.

A mono and a colour night of 1080 x 1920 pixels are stacked as a batch, with and without
a recorder; frames come from memory, so nothing but stacking stands beside the writing.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seestack import CaptureSession, Frame, LiveStacker, Transform, read_checkpoint
from seestack.recording import Recorder
from seestack.simulation import random_field, simulate_frame
from seestack.storage.session_folder import SessionFolder

SHAPE = (1080, 1920)
FRAMES = 200


def frames(bayer: str | None) -> list[Frame]:
    field = random_field(SHAPE, 200, seed=5)
    images = [
        simulate_frame(
            field, SHAPE, transform=Transform.rigid(shift_px=(2.0 * n, -1.0 * n)), seed=n
        )
        for n in range(6)
    ]
    return [Frame(image.round().astype(np.uint16), 10.0, None, "", bayer) for image in images]


def measure(bayer: str | None, folder: Path) -> None:
    images = frames(bayer)
    session = CaptureSession((images[n % 6] for n in range(FRAMES)), LiveStacker(), frames=None)
    recorder = Recorder(session, folder)
    spent = []
    write = recorder._attempt_checkpoint

    def timed() -> OSError | None:
        began = time.perf_counter()
        failure = write()
        spent.append(time.perf_counter() - began)
        return failure

    recorder._attempt_checkpoint = timed  # type: ignore[method-assign]
    recorder.begin()
    began = time.perf_counter()
    session.start()
    session.wait()
    took_s = time.perf_counter() - began
    last = time.perf_counter()
    recorder.finish()
    finish_s = time.perf_counter() - last
    size_mb = SessionFolder(folder).checkpoint.stat().st_size / 1e6
    last = time.perf_counter()
    read_checkpoint(SessionFolder(folder).checkpoint)
    read_s = time.perf_counter() - last
    print(
        f"{'colour' if bayer else 'mono':7} {size_mb:6.0f} MB  {FRAMES} frames in {took_s:6.1f} s  "
        f"{len(spent) - 1} checkpoints of {np.mean(spent[1:] or [0]):.2f} s = "
        f"{100 * sum(spent) / took_s:.1f} %  last one {finish_s:.2f} s  read {read_s:.2f} s"
    )


def main() -> None:
    """Print a line for each kind of camera."""
    for bayer in (None, "GRBG"):
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
            measure(bayer, Path(folder))


if __name__ == "__main__":
    main()
