"""Quality of a stack with known truth: the documented algorithm, seiza and seestack.

Run from the repository; the package seiza takes part where it is installed (0.45)::

    python benchmarks/quality.py
    python benchmarks/quality.py --only synthetic --cases trails clouds --stackers seestack

Sixteen simulated frames for each trouble of a night, then the real sequences of the
folder SEESTACK_DATA. Prints Markdown. Nothing is timed here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma
from measures import (
    aperture_flux,
    coverage,
    edge_bias,
    fwhm_of_stars,
    hot_pixels_left,
    largest_seam,
    pixel_noise,
    ratio,
    star_profile,
    star_snr,
    trail_core,
    trail_residual,
)
from scipy.ndimage import gaussian_filter
from sequences import CASES, FIELD, READ_NOISE_E, SHAPE, SKY_ADU, Night
from stackers import STACKERS, Result, light_of

from seestack import Transform, detect, find_frames, read_frame
from seestack.bounds import motion_bound
from seestack.simulation import StarField

REAL = (
    "seestar_s50_ngc7023_altaz",
    "seestar_s50_m94_n3",
    "eaa_arp186_asi290mini",
    "eaa_m27_asi224mc",
)
HEADER = (
    "sequence",
    "stacker",
    "frames",
    "registration / bound",
    "flux",
    "FWHM",
    "SNR",
    "edge, ADU",
    "seam, sigma",
    "trail in frame 0 / 7, sigma",
    "hot pixels",
)
BRIGHT_ADU, FAINT_ADU = (15_000.0, np.inf), (1_000.0, 4_000.0)
NOTES = """\
registration: rms error of the displacement of the frame's centre over the Cramér-Rao bound
of a rigid motion (60 stars), to a third: all frames share the error of the one reference.
flux, FWHM: of bright stars over those of the noise-free ideal, median ± scatter.
SNR: of faint stars in an image filtered with its own star profile, over the most that these
frames allow, the root of the sum of their squared SNR; for clouds that is the 14 clear frames
alone, and 0.936 of sqrt(16). To 0.01; what stackers have in common is known to 0.003.
edge: mean error of the sky where only some of the frames were.
seam: largest step of the sky over a boundary of the coverage; 0.3 is noise.
trail: excess along the trail over the stack of the same frames without it.
hot pixels: of those that no star hides, how many show by more than 8 sigma anywhere along
their path. sigma is the noise of a pixel of that stack, from boxes of 8 x 8."""
REAL_HEADER = (
    "sequence",
    "stacker",
    "frames",
    "SNR / sqrt(N)",
    "noise fall / sqrt(N)",
    "flux",
    "FWHM",
)
REAL_NOTES = """\
SNR: of stars in an image filtered with its own star profile, over that in the reference, over
the root of the number of frames read. noise fall: noise of the reference in boxes of 8 x 8 over
that of the stack, times flux, over the same root, to 0.01; a blur lowers the noise of boxes, so
all are blurred first to the width of the widest stars among them. Both in the middle of the
frame. flux, FWHM: of the same stars over those in the reference frame, median ± scatter."""


@cache
def bound_px(fwhm_px: float, transparency: float, sky_adu: float) -> float:
    """Return the bound between two frames of this kind."""
    seen = StarField(FIELD.xy, FIELD.flux_adu * transparency)
    return motion_bound(seen, SHAPE, fwhm_px=fwhm_px, sky_adu=sky_adu, read_noise_e=READ_NOISE_E)


def registration_ratio(night: Night, transforms: Sequence[Transform | None]) -> float:
    """Return the rms of error over bound, along one axis at the centre of the frame."""
    kinds = list(zip(night.fwhm_px, night.transparency, night.sky_adu, strict=True))
    errors = []
    for kind, truth, found in zip(kinds[1:], night.motions[1:], transforms[1:], strict=True):
        if found is not None:
            # Each bound is that of two frames alike; of each, one half is here.
            bound = np.hypot(bound_px(*kinds[0]), bound_px(*kind)) / np.sqrt(2)
            error = np.subtract(found.offset_px(SHAPE), truth.offset_px(SHAPE))
            errors.append(error / bound)
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else float("nan")


def best_snr(night: Night) -> float:
    """Return the SNR for each ADU of a star in all frames together, each filtered by itself."""
    noise_sq = np.array(night.sky_adu) + READ_NOISE_E**2
    places = np.linspace(-0.5, 0.5, 5)
    sharpness = {
        fwhm: np.mean([np.square(star_profile(fwhm, x, y)).sum() for x in places for y in places])
        for fwhm in night.fwhm_px
    }
    signal_sq = np.square(night.transparency) * [sharpness[fwhm] for fwhm in night.fwhm_px]
    return float(np.sqrt((signal_sq / noise_sq).sum()))


def lone_stars(night: Night, covered: np.ndarray, flux_adu: tuple[float, float]) -> np.ndarray:
    """Return the indices of stars that all frames saw, away from others not much fainter."""
    xy, flux = night.field.xy, night.field.flux_adu
    chosen = []
    for n in np.flatnonzero((flux > flux_adu[0]) & (flux < flux_adu[1])):
        others = np.linalg.norm(xy - xy[n], axis=1)
        alone = not ((others > 0) & (others < 22) & (flux > flux[n] / 20)).any()
        col, row = np.round(xy[n]).astype(int)
        box = covered[max(row - 22, 0) : row + 23, max(col - 22, 0) : col + 23]
        if alone and box.shape == (45, 45) and (box == covered.max()).all():
            chosen.append(n)
    return np.array(chosen)


def synthetic_row(name: str, night: Night, who: str, result: Result) -> tuple[str, ...]:
    """Return the cells of one line of the table."""
    truth = np.full(SHAPE, SKY_ADU)
    starless = night.ideal - truth < 1.0
    covered = coverage(SHAPE, [night.motions[n] for n in result.accepted])
    residual = result.image - night.ideal
    clean = starless & untouched(night) & (covered == covered.max())
    noise = pixel_noise(residual, clean)
    stars = night.field.xy[lone_stars(night, covered, BRIGHT_ADU)]
    faint = lone_stars(night, covered, FAINT_ADU)
    flux = ratio(aperture_flux(result.image, stars), aperture_flux(night.ideal, stars))
    fwhm = ratio(fwhm_of_stars(result.image, stars), fwhm_of_stars(night.ideal, stars))
    xy, light = night.field.xy[faint], night.field.flux_adu[faint]
    snr = star_snr(result.image, residual, clean, xy, light, fwhm[0] * np.mean(night.fwhm_px))
    trail = hot = "-"
    if night.clean is not None:
        trail = trail_cell(night, STACKERS[who](night.clean), result)
    if len(night.hot_xy):
        motions = [night.motions[n] for n in result.accepted]
        hot = "{} of {}".format(*hot_pixels_left(residual, starless, night.hot_xy, motions, noise))
    return (
        name,
        who,
        f"{len(result.accepted)} of {len(night.frames)}",
        number(registration_ratio(night, result.transforms), 2),
        f"{flux[0]:.3f} ± {flux[1]:.3f}",
        f"{fwhm[0]:.3f} ± {fwhm[1]:.3f}",
        number(snr / best_snr(night), 3),
        number(edge_bias(residual, covered, starless), 1),
        number(largest_seam(residual, covered, starless, noise), 1),
        trail,
        hot,
    )


def untouched(night: Night) -> np.ndarray:
    """Return True where neither a trail nor a hot pixel passes within 8 px."""
    touched = np.zeros(SHAPE, bool)
    for trail in night.trails:
        touched |= trail_core(SHAPE, night.motions[trail.frame], trail.start_xy, trail.end_xy)
    if len(night.hot_xy):
        places = np.concatenate([motion(night.hot_xy) for motion in night.motions])
        touched |= ~blank(SHAPE, places, 0.5)
    return ~touched if not touched.any() else distance_to(touched) > 8


def trail_cell(night: Night, clean: Result, result: Result) -> str:
    """Return what is left of each trail."""
    starless = night.ideal - SKY_ADU < 1.0
    noise = pixel_noise(clean.image - night.ideal, starless)
    left = []
    for trail in night.trails:
        core = trail_core(SHAPE, night.motions[trail.frame], trail.start_xy, trail.end_xy)
        left.append(trail_residual(result.image, clean.image, core, noise))
    return " / ".join(f"{excess:.2f}" for excess in left)


def real_rows(folder: Path, stackers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the lines of one real sequence."""
    frames = [read_frame(path) for path in find_frames(folder)]
    reference = light_of(frames[0])
    rows, cols = reference.shape
    within = np.zeros(reference.shape, bool)
    within[rows // 5 : rows - rows // 5, cols // 5 : cols - cols // 5] = True
    found = detect(reference, max_stars=60)
    highest = reference[tuple(found.xy.round().astype(int).T[::-1])]
    stars = found.xy[highest < 0.6 * 65535]
    lines = []
    results = {who: STACKERS[who](frames) for who in stackers}
    dark = blank(reference.shape, found.xy, 15.0)
    for result in results.values():
        dark &= blank(reference.shape, detect(result.image, max_stars=2000).xy, 10.0)
    dark &= within
    light, widths = aperture_flux(reference, stars), fwhm_of_stars(reference, stars)
    snr = real_snr(reference, dark, stars, light, widths)
    found = {who: fwhm_of_stars(result.image, stars) for who, result in results.items()}
    widest = max(float(np.nanmedian(some)) for some in (widths, *found.values()))
    noise = widened_noise(reference, dark, widths, widest)
    for who, result in results.items():
        flux, fwhm = ratio(aperture_flux(result.image, stars), light), ratio(found[who], widths)
        fall = flux[0] * noise / widened_noise(result.image, dark, found[who], widest)
        gain = real_snr(result.image, dark, stars, light, found[who]) / snr
        lines.append(
            (
                folder.name,
                who,
                f"{len(result.accepted)} of {len(frames)}",
                number(gain / np.sqrt(len(frames)), 3),
                number(fall / np.sqrt(len(frames)), 2),
                f"{flux[0]:.3f} ± {flux[1]:.3f}",
                f"{fwhm[0]:.3f} ± {fwhm[1]:.3f}",
            )
        )
    return lines


def real_snr(
    image: np.ndarray, dark: np.ndarray, stars: np.ndarray, flux: np.ndarray, widths: np.ndarray
) -> float:
    """Return the SNR of a star for each ADU that it has in the reference."""
    return star_snr(image, image, dark, stars, flux, float(np.nanmedian(widths)))


def widened_noise(image: np.ndarray, dark: np.ndarray, widths: np.ndarray, to_px: float) -> float:
    """Return the noise of a pixel as boxes tell it, blurred to stars as wide as stated."""
    sigma = np.sqrt(max(to_px**2 - np.nanmedian(widths) ** 2, 0.0)) * gaussian_fwhm_to_sigma
    return pixel_noise(gaussian_filter(image, sigma) if sigma > 0 else image, dark)


def blank(shape: tuple[int, int], xy: np.ndarray, reach_px: float) -> np.ndarray:
    """Return True where none of the positions is within reach."""
    occupied = np.zeros(shape, bool)
    col, row = np.asarray(xy).round().astype(int).T
    inside = (col >= 0) & (col < shape[1]) & (row >= 0) & (row < shape[0])
    occupied[row[inside], col[inside]] = True
    return distance_to(occupied) > reach_px if occupied.any() else ~occupied


def distance_to(occupied: np.ndarray) -> np.ndarray:
    """Return how far each pixel lies from the nearest occupied one."""
    return cv2.distanceTransform((~occupied).astype(np.uint8), cv2.DIST_L2, 5)


def number(value: float, digits: int) -> str:
    """Return the value with `digits` decimals, none from 100 on; a dash for NaN."""
    return f"{value:.{0 if abs(value) >= 100 else digits}f}" if np.isfinite(value) else "-"


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def print_head(cells: Sequence[str]) -> None:
    print(line(cells))
    print("|" + "---|" * 2 + "---:|" * (len(cells) - 2), flush=True)


def print_synthetic(cases: Sequence[str], stackers: Sequence[str]) -> None:
    print_head(HEADER)
    for name in cases:
        night = CASES[name]()
        for who in stackers:
            result = STACKERS[who](night.frames)
            print(line(synthetic_row(name, night, who, result)), flush=True)
    print(f"\n{NOTES}\n")


def print_real(data: Path, stackers: Sequence[str]) -> None:
    there = [name for name in REAL if (data / name).is_dir()]
    if missing := sorted(set(REAL) - set(there)):
        print(
            f"Not in {data}: {', '.join(missing)}; set SEESTACK_DATA to the real frames' folder\n"
        )
    if there:
        print_head(REAL_HEADER)
        for name in there:
            for cells in real_rows(data / name, stackers):
                print(line(cells), flush=True)
        print(f"\n{REAL_NOTES}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--stackers", nargs="+", choices=STACKERS, default=list(STACKERS))
    parser.add_argument("--only", choices=("synthetic", "real"))
    return parser.parse_args()


def installed(stackers: Sequence[str]) -> list[str]:
    """Return the stackers that can run; say which cannot."""
    if "seiza" in stackers and find_spec("seiza") is None:
        print("seiza is not installed and left out; `pip install seiza==0.45.0` adds it\n")
        return [who for who in stackers if who != "seiza"]
    return list(stackers)


def main() -> None:
    arguments = parse()
    stackers = installed(arguments.stackers)
    if arguments.only != "real":
        print_synthetic(arguments.cases, stackers)
    if arguments.only != "synthetic":
        print_real(Path(os.environ.get("SEESTACK_DATA", "../shared/data")), stackers)


if __name__ == "__main__":
    main()
