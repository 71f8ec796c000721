"""reduce_stack: a small picture without satellites, of the stack as it is."""

import numpy as np
import pytest

from seestack import Stack
from seestack.steps.accumulation import accumulate
from seestack.steps.reduction import reduce_stack
from seestack.steps.rejection import clip_outliers

SHAPE = (131, 203)
NOISE = 12.0


def stacked(count, *, colours=(), seed=0, track=None, level=900.0, ragged=False, fwhm=None):
    """Return a stack of noisy frames; the first has a bright track across the middle."""
    rng, stack = np.random.default_rng(seed), None
    row, col = np.indices(SHAPE)
    for n in range(count):
        image = rng.normal(level, NOISE, (*SHAPE, *colours)).astype(np.float32)
        if fwhm is not None:
            width = fwhm[n] / 2.355
            star = 4e4 / width**2 * np.exp(-((row - 60) ** 2 + (col - 99) ** 2) / (2 * width**2))
            image += star if not colours else star[..., None]
        if track is not None and n == track:
            image[np.abs(row - 40 - col // 3) < 2] += 700.0
        footprint = np.ones(SHAPE, bool)
        if ragged:
            footprint[: 9 * n] = False
        stack = accumulate(stack, image, footprint, weight=rng.uniform(0.5, 2), extremes=(2, 1))
    return stack


def in_boxes(image, side):
    rows, cols = (n // side for n in image.shape[:2])
    cut = image[: rows * side, : cols * side]
    boxes = cut.reshape(rows, side, cols, side, *image.shape[2:])
    known = np.isfinite(boxes).sum(axis=(1, 3))
    total = np.nan_to_num(boxes).sum(axis=(1, 3))
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


@pytest.mark.parametrize("side", [1, 2, 5, 64])
@pytest.mark.parametrize("colours", [(), (3,)])
def test_without_kappa_it_is_the_mean_of_boxes(side, colours):
    stack = stacked(5, colours=colours, ragged=True)
    stack.mean[:30, :70] = np.nan
    stack.coverage[:30, :70] = 0
    reduced = reduce_stack(stack, side)
    assert reduced.dtype == np.float32
    np.testing.assert_allclose(reduced, in_boxes(stack.mean, side), rtol=1e-5, atol=0)


@pytest.mark.parametrize("side", [2, 3, 5])
@pytest.mark.parametrize("colours", [(), (3,)])
@pytest.mark.parametrize("count", [3, 4, 6, 25])
def test_no_satellite_is_left(count, colours, side):
    stack = stacked(count, colours=colours, track=1)
    clean, dirty = (in_boxes(s.mean, side) for s in (clip_outliers(stack), stack))
    reduced = reduce_stack(stack, side, kappa=4.0)
    track = dirty - clean > 0.3 * 700 / count
    assert track.mean() > 0.01
    noise = NOISE / np.sqrt(count) / side
    assert np.abs(reduced - clean)[track].max() < 0.03 * 700 / count + 4 * noise
    np.testing.assert_allclose(reduced[~track], clean[~track], rtol=0, atol=6 * noise)
    assert np.abs(np.mean(reduced - clean)) < 0.05 * noise * side


@pytest.mark.parametrize("count", [2, 3, 8, 40])
def test_noise_is_hardly_touched(count):
    stack = stacked(count, seed=3)
    touched = reduce_stack(stack, 2, kappa=4.0) != reduce_stack(stack, 2)
    assert touched.mean() < 0.02


def test_stars_keep_their_light_when_the_seeing_changes():
    stack = stacked(12, fwhm=[3.0 + 0.25 * n for n in range(12)])
    reduced, whole = reduce_stack(stack, 2, kappa=4.0), in_boxes(stack.mean, 2)
    near = np.s_[25:36, 44:56]
    np.testing.assert_allclose(
        (reduced - 900)[near].sum(), (whole - 900)[near].sum(), rtol=0.02, atol=0
    )


@pytest.mark.parametrize("row", [29, 30])
@pytest.mark.parametrize("col", [0, 1])
def test_beside_an_edge_of_light_a_moderate_outlier_may_be_the_seeing(row, col):
    stack, rng = None, np.random.default_rng(5)
    for n in range(6):
        image = rng.normal(900.0, NOISE, (120, 160)).astype(np.float32)
        image[60:] += 2_000
        image[2 * row, 20 * col + 40] += 300 * (n == 3)
        image[20, 20] += 300 * (n == 3)
        stack = accumulate(stack, image, np.ones(image.shape, bool), extremes=(2, 1))
    spared = reduce_stack(stack, 2, kappa=4.0) == reduce_stack(stack, 2)
    assert spared[row, 10 * col + 20]
    assert not spared[10, 10]


def test_the_edge_of_coverage_does_not_show():
    stack = stacked(9, track=2, ragged=True, seed=4)
    clean = in_boxes(clip_outliers(stack).mean, 3)
    reduced = reduce_stack(stack, 3, kappa=4.0)
    np.testing.assert_array_equal(np.isnan(reduced), np.isnan(clean))
    rows = (reduced - clean).mean(axis=1)
    assert np.abs(rows).max() < 0.3 * NOISE


def test_the_stack_stays_as_it_was():
    stack = stacked(4, track=0)
    before = stack.copy()
    reduce_stack(stack, 4, kappa=3.0)
    for name in ("mean", "weight", "m2", "coverage"):
        np.testing.assert_array_equal(getattr(stack, name), getattr(before, name))
    np.testing.assert_array_equal(stack.extremes.high, before.extremes.high)


@pytest.mark.parametrize(
    ("side", "kappa", "error", "words"),
    [
        (0, 4.0, ValueError, "side_px must be positive, got 0"),
        (2.5, 4.0, TypeError, "side_px must be a whole number, got 2.5"),
        (132, 4.0, ValueError, "side_px must be at most 131, got 132"),
        (2, -1.0, ValueError, "kappa must be positive, got -1.0"),
    ],
)
def test_bad_options(side, kappa, error, words):
    with pytest.raises(error, match=words):
        reduce_stack(stacked(2), side, kappa=kappa)


def test_no_stack():
    with pytest.raises(TypeError, match="stack must be a Stack, got ndarray"):
        reduce_stack(np.ones(SHAPE), 2)
    assert isinstance(stacked(1), Stack)
