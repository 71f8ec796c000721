"""Stack a folder of files with Siril and with seestack, from reading to writing.

Run from the repository, with Siril 1.0 or newer installed::

    apt-get install --no-install-recommends siril
    python benchmarks/folder.py [--frames 100] [--rounds 3]

Both register and stack the same FITS files with rejection, each in a process of its own, in
turns; the time is the shortest of the rounds. Then the stacks are compared: the width of the
stars, and the SNR of faint ones, see `benchmarks/measures.py`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from measures import fwhm_of_stars, star_snr

from seestack import Frame, Transform, write_frame
from seestack.simulation import StarField, random_field, simulate_frame

SHAPE = (1080, 1920)
FIELD = random_field(SHAPE, 1500, seed=2, margin_px=40)
SKY_ADU = 800.0
ROTATION_DEG = 0.02
SCRIPT = """\
requires 1.0.0
link light
register light
stack r_light rej w 3 3 -norm=addscale -out=stacked
"""


def write_lights(folder: Path, count: int) -> None:
    for n in range(count):
        shift = (0.31 * n, -0.17 * n)
        motion = Transform.rigid(rotation_deg=ROTATION_DEG * n, shift_px=shift)
        image = simulate_frame(FIELD, SHAPE, transform=motion, seed=n, sky_adu=SKY_ADU)
        frame = Frame(image.round().astype(np.uint16), exposure_s=10.0)
        write_frame(folder / f"frame_{n:04d}.fit", frame)


def run_siril(lights: Path, work: Path) -> Path:
    """Register and stack with Siril's defaults and winsorized rejection."""
    for path in lights.iterdir():
        (work / path.name).symlink_to(path)
    script = work / "stack.ssf"
    script.write_text(SCRIPT)
    run(["siril-cli", "-d", str(work), "-s", str(script)])
    return next(work.glob("stacked.fit*"))


def run_seestack(lights: Path, work: Path) -> Path:
    """Register and stack with seestack's defaults."""
    run([sys.executable, "-m", "seestack", "stack", str(lights), "-o", str(work), "--quiet"])
    return work / "stack.fits"


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def load(path: Path) -> np.ndarray:
    """Return the pixels in ADU, as they came: Siril writes shares of 65535."""
    pixels = fits.getdata(path).astype(float)
    return pixels * 65535 if np.nanmax(pixels) <= 1.0 else pixels


def quality(image: np.ndarray) -> tuple[float, float]:
    """Return the median FWHM of bright stars in px, and the SNR of faint ones for their flux.

    Siril flips files of which the first row is at the top; stars are looked for both ways.
    """
    truth = simulate_frame(FIELD, SHAPE, seed=None, sky_adu=SKY_ADU)
    if np.corrcoef(truth[::4, ::4].ravel(), np.nan_to_num(image[::4, ::4]).ravel())[0, 1] < 0.5:
        image = image[::-1]
    starless = truth - SKY_ADU < 1.0
    starless[:60] = starless[-60:] = False
    starless[:, :60] = starless[:, -60:] = False
    bright, faint = lone(FIELD, 15_000.0, np.inf), lone(FIELD, 1_000.0, 4_000.0)
    fwhm = float(np.nanmedian(fwhm_of_stars(image, FIELD.xy[bright])))
    xy, flux = FIELD.xy[faint], FIELD.flux_adu[faint]
    return fwhm, star_snr(image, image, starless, xy, flux, 3.0)


def lone(field: StarField, low: float, high: float) -> np.ndarray:
    """Return the indices of stars far from the border and from others not much fainter."""
    xy, flux = field.xy, field.flux_adu
    chosen = []
    for n in np.flatnonzero((flux > low) & (flux < high)):
        near = np.hypot(*(xy - xy[n]).T)
        inside = (xy[n] > 100).all() and (xy[n] < np.array(SHAPE[::-1]) - 100).all()
        if inside and not ((near > 0) & (near < 20) & (flux > flux[n] / 20)).any():
            chosen.append(n)
    return np.array(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    stackers = {"seestack": run_seestack}
    if shutil.which("siril-cli"):
        stackers["Siril"] = run_siril
    else:
        print("siril-cli is not installed and left out")
    with tempfile.TemporaryDirectory() as folder:
        lights = Path(folder) / "lights"
        lights.mkdir()
        write_lights(lights, options.frames)
        times: dict[str, list[float]] = {who: [] for who in stackers}
        results = {}
        for n in range(options.rounds):
            for who, stack in stackers.items():
                work = Path(folder) / f"{who}{n}"
                work.mkdir()
                began = time.perf_counter()
                path = stack(lights, work)
                times[who].append(time.perf_counter() - began)
                results[who] = load(path)
                shutil.rmtree(work)
        print(f"{options.frames} files of {SHAPE[0]} x {SHAPE[1]}")
        print("| | s in all | frames a second | FWHM, px | SNR, share of seestack's |")
        print("|---|---:|---:|---:|---:|")
        figures = {who: quality(image) for who, image in results.items()}
        for who, (fwhm, snr) in figures.items():
            best = min(times[who])
            share = snr / figures["seestack"][1]
            rate = options.frames / best
            print(f"| {who} | {best:.1f} | {rate:.1f} | {fwhm:.2f} | {share:.3f} |")


if __name__ == "__main__":
    main()
