"""Error of the registration over the Cramer-Rao bound, for seestack and as documented.

Run ``python benchmarks/registration.py [TRIALS]``; 60 trials take some three minutes. Each
trial draws two noisy frames of one field with a random sub-pixel motion between them.
seestack runs at its default options and so looks for a rotation too, of which there is
none; its bound is that of the rigid motion, at the centre of the frame. The documented
algorithm looks for a shift alone, and its bound is that of a shift alone.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from documented import DocumentedStacker

from seestack import Transform, detect, refine, vote
from seestack.bounds import motion_bound
from seestack.simulation import random_field, simulate_frame

SHAPE = (900, 1200)
# Stars, FWHM in pixels, brightest and faintest star in ADU.
CASES = {
    "rich, FWHM 1.8 px": (400, 1.8, 100_000.0, 1_000.0),
    "rich, FWHM 3 px": (400, 3.0, 200_000.0, 1_000.0),
    "rich, FWHM 5 px": (400, 5.0, 200_000.0, 1_000.0),
    "faint, FWHM 3 px": (400, 3.0, 6_000.0, 500.0),
    "ten stars, FWHM 3 px": (10, 3.0, 50_000.0, 5_000.0),
}


def by_seestack(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    reference, frame = detect(first), detect(second)
    registration = refine(reference, frame, vote(reference, frame))
    return registration.transform.offset_px((first.shape[0], first.shape[1]))


def as_documented(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    stacker = DocumentedStacker()
    stacker.reference_xy = stacker.find_stars(first)
    return stacker.register(stacker.find_stars(second))[0]


def run(name: str, trials: int) -> str:
    n_stars, fwhm, brightest, faintest = CASES[name]
    field = random_field(
        SHAPE, n_stars, brightest_adu=brightest, faintest_adu=faintest, margin_px=20
    )
    rigid = motion_bound(field, SHAPE, fwhm_px=fwhm)
    shift = motion_bound(field, SHAPE, fwhm_px=fwhm, transform="translation")
    rng = np.random.default_rng(100)
    errors: dict[str, list[np.ndarray]] = {"seestack": [], "documented": []}
    for trial in range(trials):
        truth = Transform.rigid(shift_px=tuple(rng.uniform(-5, 5, 2)))
        first = simulate_frame(field, SHAPE, seed=2 * trial, fwhm_px=fwhm)
        second = simulate_frame(field, SHAPE, seed=2 * trial + 1, fwhm_px=fwhm, transform=truth)
        for who, register in (("seestack", by_seestack), ("documented", as_documented)):
            errors[who].append(np.subtract(register(first, second), truth.shift_px))
    rms = {who: float(np.sqrt(np.mean(np.square(error)))) for who, error in errors.items()}
    return (
        f"{name:22s} {1e3 * rigid:8.2f} {1e3 * rms['seestack']:8.2f} "
        f"{rms['seestack'] / rigid:6.2f} {rms['seestack'] / shift:6.2f}  "
        f"{1e3 * shift:8.2f} {1e3 * rms['documented']:8.2f} {rms['documented'] / shift:6.2f}"
    )


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    started = time.perf_counter()
    print(f"{trials} trials; bound and rms error of the shift along one axis in px/1000")
    print(" " * 22 + "        seestack, rigid              documented, shift")
    print(" " * 22 + "    bound      rms  ratio (shift)    bound      rms  ratio")
    for name in CASES:
        print(run(name, trials), flush=True)
    print(f"ratio: rms over bound, to {100 / np.sqrt(4 * trials):.0f} %;", end=" ")
    print(f"(shift): over the bound of a shift alone; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
