"""Hot pixels, against plain NumPy."""

import numpy as np
import pytest

from seestack.compiled import hot


def expected_marks(image, limits, level, share):
    height, width = image.shape
    step = len(level)
    sky = np.tile(level, (height // step + 1, width // step + 1))[:height, :width]
    light = image.astype(np.float32) - sky
    light[~np.isfinite(light)] = 0
    padded = np.pad(light, 1, mode="reflect")
    around = sum(
        padded[1 + i : 1 + i + height, 1 + j : 1 + j + width]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if i or j
    )
    above = image > np.tile(limits, (height // step + 1, 1))[:height]
    return above & (light > 0) & (around < share * light)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("step", [1, 2])
def test_bright_pixels_that_stand_alone(kind, step):
    rng = np.random.default_rng(9)
    image = rng.integers(20, 24, (43, 75)).astype(kind)
    image[rng.uniform(size=image.shape) < 0.02] = 90
    image[rng.uniform(size=image.shape) < 0.1] += 9  # some neighbours have some light
    image[10:12, 20:23] = 100  # a star
    image[0, 0] = image[42, 74] = image[0, 40] = 110
    if image.dtype.kind == "f":
        image[rng.uniform(size=image.shape) < 0.02] = np.nan
        image[5, 5] = np.inf
    level = rng.uniform(20, 24, (step, step)).astype(np.float32)
    limits = rng.integers(50, 99, (step, 75)).astype(kind)
    places, found = np.empty(image.size, np.intp), []
    for top in (0, 20, 40):
        count = hot.find(image, limits, level, 0.4, places, top, min(top + 20, 43))
        found.extend(places[:count])
    few = np.empty(3, np.intp)
    assert hot.find(image, limits, level, 0.4, few, 0, 43) == len(found)
    np.testing.assert_array_equal(few, found[:3])
    expected = expected_marks(image, limits, level, np.float32(0.4))
    np.testing.assert_array_equal(found, np.flatnonzero(expected))
    assert len(found) > 20
    assert not expected[10:12, 20:23].any()
