"""normalize: no seam, no harm to the stars, nothing at all where nothing is needed."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import NOT_POSITIVE, spaced, turn

from seestack import Transform, accumulate, warp
from seestack.model import FrameQuality
from seestack.simulation import StarField, random_field, simulate_frame
from seestack.steps.normalization import normalize, sky_boxes, sky_correction, sky_difference

SHAPE = (360, 520)
FRAMES = 12
NOISE = np.sqrt(825.0)  # of a pixel of a frame at sky 800
ROWS, COLS = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
RAMP = (120 + 150 * COLS - 60 * ROWS).astype(np.float32)


def noise(seed, shape=SHAPE, level=800.0):
    return np.random.default_rng(seed).normal(level, 10.0, shape).astype(np.float32)


def sky_of(weather, part):
    """What the sky has more than the reference, `part` of the way through the night."""
    if weather == "clear":
        return np.zeros(SHAPE)
    if weather == "rising":
        return np.full(SHAPE, 400 * part)
    if weather == "turning plane":  # 15 sigma from corner to corner
        angle = 5.0 * part
        across = np.cos(angle) * COLS + np.sin(angle) * ROWS
        return 300 * part + 7.5 * NOISE * part * across / np.abs(across).max()
    if weather == "moonrise":
        curve = 3 * (COLS + 0.4 * ROWS) ** 2
        return part * (300 + NOISE * (5 * COLS + 2.5 * ROWS + curve))
    return np.full(SHAPE, 250.0 if cloudy(weather, part) else 0.0)


def cloudy(weather, part):
    return weather == "thin cloud" and round(part * (FRAMES - 1)) % 3 == 1


def night(field, weather, *, order=2, seed=0):
    """Stack a drifting and turning sequence; no normalisation where order is None."""
    stack, boxes = None, None
    for n in range(FRAMES):
        motion = turn(SHAPE, 0.4 * n, (5.0 * n, -3.0 * n))
        part = n / (FRAMES - 1)
        transparency = 0.7 if cloudy(weather, part) else 1.0
        glow = sky_of(weather, part)
        frame = simulate_frame(
            field, SHAPE, transform=motion, seed=seed + n, transparency=transparency, sky_adu=800
        )
        shot = np.random.default_rng(500 + seed + n).normal(0, 1, SHAPE)
        frame = frame + glow + shot * np.sqrt(glow.clip(0))
        image, footprint = warp(frame, motion)
        if boxes is None:
            boxes = sky_boxes(image)
        elif order is not None:
            scale = 1.0 / FrameQuality(transparency=transparency, transparency_err=0.004).flux_scale
            image = normalize(image, boxes, scale=scale, order=order, out=image)
        stack = accumulate(stack, image, footprint)
    return stack


@pytest.fixture(scope="module")
def field():
    return random_field(SHAPE, 60, seed=3, margin_px=80, brightest_adu=200_000)


def largest_seam(stack, field):
    """Largest step of the sky at a border of coverage, in sigma of the stack.

    Strips of 12 px on both sides of every border, in each quarter of the image.
    """
    truth = simulate_frame(field, SHAPE, seed=None)
    dark = cv2.dilate((truth - 800 > 2).astype(np.uint8), np.ones((9, 9))) == 0
    error = stack.mean - truth
    sigma = np.sqrt(np.median(stack.variance[stack.coverage == FRAMES]))
    steps = []
    for count in range(2, FRAMES):
        fewer = stack.coverage <= count
        reach = [
            cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 3) for side in (fewer, ~fewer)
        ]
        for quarter in [(ROWS > 0) == a for a in (0, 1)]:
            for half in [(COLS > 0) == a for a in (0, 1)]:
                strips = [
                    error[(d > 0) & (d <= 12) & dark & quarter & half & (stack.coverage > 1)]
                    for d in reach
                ]
                if min(len(strip) for strip in strips) > 400:
                    steps.append(strips[0].mean() - strips[1].mean())
    assert len(steps) > 15
    return np.abs(steps).max() / sigma


@pytest.mark.parametrize("weather", ["clear", "rising", "turning plane", "moonrise", "thin cloud"])
def test_no_seam(field, weather):
    assert largest_seam(night(field, weather), field) < 0.3


@pytest.mark.parametrize(
    ("weather", "order"),
    [("rising", None), ("turning plane", 0), ("moonrise", 1), ("thin cloud", None)],
)
def test_the_seam_that_a_lower_order_leaves(field, weather, order):
    assert largest_seam(night(field, weather, order=order), field) > 0.7


def star_fluxes(image, xy):
    """Light within 9 px of each star, above the ring around it."""
    row, col = np.indices(image.shape)
    fluxes = []
    for x, y in xy:
        distance = np.hypot(col - x, row - y)
        sky = np.median(image[(distance > 11) & (distance < 16)])
        fluxes.append((image[distance < 9] - sky).sum())
    return np.array(fluxes)


@pytest.mark.parametrize(
    ("weather", "tolerance"),
    [("clear", 0.002), ("turning plane", 0.002), ("moonrise", 0.002), ("thin cloud", 0.004)],
)
def test_the_flux_of_isolated_stars(weather, tolerance):
    xy = spaced(np.random.default_rng(2), SHAPE, 14, apart_px=40, margin_px=75)
    field = StarField(xy, np.full(14, 4e5))
    truth = star_fluxes(simulate_frame(field, SHAPE, seed=None), xy)
    fluxes = star_fluxes(night(field, weather, seed=40).mean, xy)
    assert np.mean(fluxes / truth) == pytest.approx(1.0, abs=tolerance)
    if weather != "thin cloud":
        plain = star_fluxes(night(field, weather, order=None, seed=40).mean, xy)
        assert np.mean(fluxes / plain) == pytest.approx(1.0, abs=0.001)


def test_equal_skies_get_exactly_nothing(field):
    boxes = sky_boxes(simulate_frame(field, SHAPE, seed=900))
    touched = 0
    for seed in range(30):
        motion = turn(SHAPE, 0.3 * (seed % 5), (1.3 * seed, -0.7 * seed))
        fwhm = 2.6 + 0.2 * (seed % 5)
        frame = simulate_frame(field, SHAPE, transform=motion, seed=seed, fwhm_px=fwhm)
        image, _ = warp(frame, motion)
        result = normalize(image, boxes)
        change = np.nanmax(np.abs(result - image))
        assert change < 0.05 * NOISE
        touched += bool(change)
    assert touched <= 1


def test_nothing_is_bit_identical_and_a_copy():
    reference, image = noise(0), noise(1)
    image[40:50, 60] = np.nan
    result = normalize(image, reference)
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_highest_order(order):
    glow = 50 + (order > 0) * 90 * COLS + (order > 1) * 70 * ROWS**2
    (surface,) = sky_difference(noise(1) + glow, sky_boxes(noise(0)), order=order)
    found = surface.at(np.arange(SHAPE[0]), np.arange(SHAPE[1]))
    np.testing.assert_allclose(found, glow, rtol=0, atol=0.5)
    powers = np.add.outer(np.arange(3), np.arange(3))
    assert not surface.coefficients[powers > order].any()
    assert surface.coefficients[powers <= order].all()


def test_no_higher_order_than_needed():
    (surface,) = sky_difference(noise(1) + 30, sky_boxes(noise(0)), order=2)
    assert np.count_nonzero(surface.coefficients) == 1
    (surface,) = sky_difference(noise(1) + RAMP, sky_boxes(noise(0)), order=2)
    assert np.count_nonzero(surface.coefficients) == 3


@pytest.mark.parametrize("height", [5, 20, 100, 1000, 30_000])
@pytest.mark.parametrize("ramp", [0, RAMP])
def test_a_trail_tilts_nothing(height, ramp):
    row, col = np.indices(SHAPE)
    away = (row - 60 - 0.4 * col) / np.hypot(1, 0.4)
    trail = height * np.exp(-(away**2) / 8)
    reference, image = noise(0), noise(1) + ramp
    for lit, dark in ((image + trail, reference), (image, reference + trail)):
        change = normalize(lit, dark) - lit + ramp
        assert np.abs(change).max() < 0.06 * 10


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_a_roof_in_the_frame(share):
    image = noise(1)
    image[:, : int(share * SHAPE[1])] *= 0.3
    change = normalize(image, noise(0)) - image
    assert np.abs(change).max() < 0.05 * 10


def test_a_nebula_that_fills_the_frame_keeps_its_light():
    nebula = 400 * np.exp(-(COLS**2 + ROWS**2) / 2 / 0.4**2)
    image = 0.7 * (noise(1) - 800 + nebula) + 1000 + RAMP
    result = normalize(image, noise(0) + nebula, scale=1 / 0.7)
    error = cv2.blur(result - (800 + nebula).astype(np.float32), (40, 40))
    assert np.abs(error).max() < 1.5  # ten times the noise of the blur would be 3.6
    off = normalize(image, noise(0) + nebula, scale=1 / 0.7 * 1.02)
    error = cv2.blur(off - (800 + nebula).astype(np.float32), (40, 40))
    assert 2 < np.abs(error).max() < 0.02 * 400 + 1.5


def test_holes():
    rng = np.random.default_rng(4)
    image, reference = noise(1) + RAMP, noise(0)
    image[rng.random(SHAPE) < 0.2] = np.nan
    image[:, ::9] = np.nan
    image[:30], image[:, 400:] = np.nan, np.nan
    reference[rng.random(SHAPE) < 0.1] = np.nan
    reference[100:130] = np.inf
    result = normalize(image, reference)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(image))
    np.testing.assert_allclose(
        result - image + RAMP, np.where(np.isnan(image), np.nan, 0), rtol=0, atol=0.6
    )


@pytest.mark.parametrize(
    ("shift_px", "terms"), [((0, 0), 3), ((300, 200), 3), ((460, 0), 3), ((450, 300), 1)]
)
def test_the_smaller_the_overlap_the_lower_the_order(shift_px, terms):
    motion = Transform.rigid(shift_px=shift_px)
    image, footprint = warp(noise(1), motion)
    (surface,) = sky_difference(image + RAMP, sky_boxes(noise(0)))
    assert np.count_nonzero(surface.coefficients) == terms
    if terms == 3:
        error = normalize(image + RAMP, noise(0)) - image
        assert np.abs(error[footprint]).max() < 4.0


def test_a_corner_in_common_carries_no_plane_over_the_whole_frame():
    reference = noise(0)
    reference[110:], reference[:, 110:] = np.nan, np.nan
    (surface,) = sky_difference(noise(1) + RAMP, sky_boxes(reference))
    assert np.count_nonzero(surface.coefficients) == 1


def test_boxes_in_a_line_carry_no_plane():
    image = np.full(SHAPE, np.nan, np.float32)
    image[66:88] = noise(1)[66:88] + RAMP[66:88]
    (surface,) = sky_difference(image, sky_boxes(noise(0)))
    assert np.count_nonzero(surface.coefficients) == 1


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_no_overlap_leaves_the_frame_as_it_is(scale):
    image, reference = noise(1), noise(0)
    image[:, 200:], reference[:, :200] = np.nan, np.nan
    boxes = sky_boxes(reference)
    assert sky_difference(image, boxes, scale=scale) == ()
    np.testing.assert_array_equal(normalize(image, boxes, scale=scale), image)
    for empty in (np.full(SHAPE, np.nan), noise(1)):
        assert sky_difference(np.full(SHAPE, np.nan), sky_boxes(empty)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (9, 13), (20, 33), (61, 81)])
def test_small_images(shape):
    result = normalize(noise(1, shape) + 500, noise(0, shape))
    nothing = min(shape) < 8 or max(shape) < 24
    assert result.mean() == pytest.approx(1300 if nothing else 800, abs=12)


def test_in_place():
    image, boxes = noise(1) + RAMP, sky_boxes(noise(0))
    before = image.copy()
    expected = normalize(image, boxes, scale=1.2)
    np.testing.assert_array_equal(image, before)
    assert normalize(image, boxes, scale=1.2, out=image) is image
    np.testing.assert_array_equal(image, expected)
    other = np.empty(SHAPE, np.float32)
    assert normalize(before, boxes, scale=1.2, out=other) is other
    np.testing.assert_array_equal(other, expected)
    assert expected.dtype == np.float32


def test_an_unchanged_frame_is_written_to_out():
    other = np.zeros(SHAPE, np.float32)
    assert normalize(noise(1), noise(0), out=other) is other
    np.testing.assert_array_equal(other, noise(1))


def test_layouts_and_kinds():
    image, boxes = np.round(noise(1) + RAMP), sky_boxes(noise(0))
    expected = normalize(image, boxes)
    for other in (np.asfortranarray(image), image.astype(np.uint16), image.astype(">f8")):
        np.testing.assert_allclose(normalize(other, boxes), expected, rtol=0, atol=1e-3)


def test_colour_has_one_sky_for_each_channel():
    glow = np.stack([RAMP, np.full(SHAPE, 70.0), np.zeros(SHAPE)], axis=2)
    clean = np.stack([noise(seed) for seed in (1, 2, 3)], axis=2)
    reference = np.stack([noise(seed) for seed in (4, 5, 6)], axis=2)
    image = (clean + glow).astype(np.float32)
    image[50:60, 70:90] = np.nan
    result = normalize(image, reference)
    assert result.shape == (*SHAPE, 3)
    for channel in range(3):
        alone = normalize(image[..., channel].copy(), reference[..., channel].copy())
        np.testing.assert_allclose(result[..., channel], alone, rtol=0, atol=1e-3)
    assert np.nanmax(np.abs(result - clean)) < 0.6
    np.testing.assert_array_equal(result[..., 2], image[..., 2])


slopes = st.floats(-300, 300).filter(lambda slope: abs(slope) > 5)


@given(along=slopes, down=slopes, level=slopes)
def test_law_a_plane_in_the_frame_makes_no_difference(along, down, level):
    image, boxes = noise(1) + RAMP, sky_boxes(noise(0))
    plane = level + along * COLS + down * ROWS
    if np.abs(plane + RAMP).min() + np.ptp(plane + RAMP) < 20:
        return  # about as flat as the reference: nothing may be done at all
    expected = normalize(image, boxes)
    result = normalize(image + plane, boxes)
    np.testing.assert_allclose(result, expected, rtol=0, atol=0.01)


@given(level=st.floats(-700, 20_000))
def test_law_a_level_in_both_comes_out_again(level):
    image, reference = noise(1) + RAMP, noise(0)
    result = normalize(image + np.float32(level), reference + np.float32(level))
    expected = normalize(image, reference) + np.float32(level)
    np.testing.assert_allclose(result, expected, rtol=0, atol=0.03)


@given(seed=st.integers(0, 1000), scale=st.floats(0.5, 2.0))
def test_law_rows_and_columns_are_alike(seed, scale):
    image, reference = noise(seed) + RAMP, noise(seed + 5000)
    upright = normalize(image, reference, scale=scale)
    lying = normalize(image.T, reference.T, scale=scale)
    np.testing.assert_allclose(lying.T, upright, rtol=0, atol=0.01)


@given(scale=st.floats(0.5, 2.0))
def test_law_the_scale_cancels(scale):
    image, boxes = noise(1) + RAMP, sky_boxes(noise(0))
    result = normalize(image / np.float32(scale), boxes, scale=scale)
    np.testing.assert_allclose(result, normalize(image, boxes), rtol=0, atol=0.01)


BAD_IMAGES = {
    "1-D": (np.zeros(5), r"shape \(H, W\) or \(H, W, 3\), got shape \(5,\)"),
    "planes first": (np.zeros((3, 20, 30)), r"got shape \(3, 20, 30\)"),
    "empty": (np.zeros((0, 3)), r"got shape \(0, 3\)"),
    "strings": (np.full((20, 30), "a"), "real numbers"),
}


@pytest.mark.parametrize(("image", "words"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_no_image(image, words):
    for act in (sky_boxes, lambda bad: normalize(bad, noise(0))):
        with pytest.raises(ValueError, match=f"image must .*{words}"):
            act(image)


def test_bad_reference():
    with pytest.raises(ValueError, match=r"shape of the reference, \(20, 30\), got \(360, 520\)"):
        normalize(noise(0), noise(0, (20, 30)))
    with pytest.raises(TypeError, match="reference must be SkyBoxes, got ndarray"):
        sky_difference(noise(0), noise(1))
    with pytest.raises(ValueError, match=r"reference must .*got shape \(7,\)"):
        normalize(noise(0), np.zeros(7))


@pytest.mark.parametrize(("scale", "error", "words"), NOT_POSITIVE)
def test_bad_scale(scale, error, words):
    with pytest.raises(error, match=f"scale {words}"):
        normalize(noise(0), noise(1), scale=scale)


@pytest.mark.parametrize("order", [-1, 3, 1.5, "plane", None, True])
def test_bad_order(order):
    with pytest.raises(ValueError, match="order must be 0, 1 or 2, got"):
        normalize(noise(0), noise(1), order=order)


@pytest.mark.parametrize(
    ("out", "error", "words"),
    [
        ([1.0], TypeError, "out must be an array, got list"),
        (np.zeros(SHAPE), ValueError, "out must be float32 of shape .* got float64"),
        (np.zeros((3, 4), np.float32), ValueError, r"got float32 of shape \(3, 4\)"),
    ],
)
def test_bad_out(out, error, words):
    with pytest.raises(error, match=words):
        normalize(noise(0), noise(1), out=out)


def test_an_error_changes_nothing():
    image = noise(1) + RAMP
    before = image.copy()
    with pytest.raises(ValueError, match="scale must be positive"):
        normalize(image, noise(0), scale=-1.0, out=image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_correction_does_to_rows_what_normalize_does_to_all(colours):
    rng = np.random.default_rng(31)
    reference = rng.normal(700, 9, (130, 210, *colours)).astype(np.float32)
    frame = reference / 2 + np.linspace(0, 90, 210).reshape(1, 210, *[1] * len(colours))
    frame = frame.astype(np.float32)
    boxes = sky_boxes(reference)
    expected = normalize(frame, boxes, scale=2.0)
    change, found = sky_correction(frame, boxes, scale=2.0), frame.copy()
    for top in (0, 48, 96):
        change.apply(found, slice(top, min(top + 48, 130)))
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found - reference).max() < 10
    assert sky_correction(reference, boxes) is None
