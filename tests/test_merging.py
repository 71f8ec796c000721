"""Two nights of one field with known truth, merged: place, flux, sky, noise, coverage."""

import numpy as np
import pytest
from simulated import turn

from seestack import (
    FrameRejected,
    LiveStacker,
    Stack,
    StarField,
    Transform,
    find_frames,
    merge_stacks,
    read_frame,
    read_stack,
    write_frame,
    write_stack,
)
from seestack.cli import main
from seestack.simulation import random_field, simulate_frame

SHAPE, OTHER_SHAPE = (260, 380), (300, 330)
FIELD = random_field((420, 560), 260, seed=9, faintest_adu=2_500.0)
FIELD = StarField(FIELD.xy - 90.0, FIELD.flux_adu)  # beyond the edges too
FIRST_FRAMES, SECOND_FRAMES = 8, 8


def similarity(rotation_deg, scale, *, mirrored=False):
    """Return the map from the pixels of the second night to those of the first."""
    middle = Transform(np.array([[1, 0, -(OTHER_SHAPE[1] - 1) / 2], [0, 1, -149.5], [0, 0, 1.0]]))
    flip = Transform(np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0]))
    larger = Transform(np.diag([scale, scale, 1.0]))
    angle = Transform.rigid(rotation_deg=rotation_deg)
    place = Transform.rigid(shift_px=(176.3, 139.7))
    return place @ angle @ larger @ flip @ middle


def night(seed, frames, truth=None, *, shape=SHAPE, light=1.0, sky_adu=800.0, slope=0.0):
    """Return the stack of a night whose reference lies on the first one by `truth`."""
    field = FIELD if truth is None else StarField(truth.inverse(FIELD.xy), FIELD.flux_adu)
    rng, st = np.random.default_rng(seed), LiveStacker()
    ramp = slope * np.linspace(-0.5, 0.5, shape[1])
    for n in range(frames):
        dither = rng.uniform(-3, 3, 2) if n else (0.0, 0.0)
        motion = turn(shape, 0.1 * n, (float(dither[0]), float(dither[1])))
        image = simulate_frame(
            field,
            shape,
            transform=motion,
            seed=1000 * seed + n,
            transparency=light,
            sky_adu=sky_adu,
            fwhm_px=2.8,
        )
        assert st.add_frame(image + ramp)["accepted"]
    return st.stack


@pytest.fixture(scope="module")
def first():
    return night(1, FIRST_FRAMES)


@pytest.fixture(scope="module")
def second():
    """Turned by 183 degrees, 2 % smaller, of another size, hazier, under a moonlit slope."""
    truth = similarity(183.0, 1.02)
    options = {"shape": OTHER_SHAPE, "light": 0.8, "sky_adu": 1100.0, "slope": 120.0}
    return truth, night(2, SECOND_FRAMES, truth, **options)


@pytest.fixture(scope="module")
def merged(first, second):
    return merge_stacks([first, second[1]])


def aperture_fluxes(image, xy, radius=7.0):
    """Return the light of stars in apertures above the sky in rings around."""
    rows, cols = np.indices(image.shape)
    fluxes = []
    for x, y in xy:
        distance = np.hypot(cols - x, rows - y)
        ring = image[(distance > 9) & (distance < 15)]
        fluxes.append((image - np.nanmedian(ring))[distance <= radius].sum())
    return np.array(fluxes)


def lonely_stars(brightest=12, *, margin=40):
    """Return the positions of bright stars without bright neighbours, well inside."""
    chosen = []
    for n in np.argsort(-FIELD.flux_adu):
        x, y = FIELD.xy[n]
        inside = margin < x < SHAPE[1] - margin and margin < y < SHAPE[0] - margin
        apart = np.linalg.norm(FIELD.xy - FIELD.xy[n], axis=1)
        near = FIELD.flux_adu[(apart < 16) & (apart > 0)].sum()
        if inside and near < 0.02 * FIELD.flux_adu[n]:
            chosen.append((x, y))
    return np.array(chosen[:brightest])


def empty_sky(shape):
    """Return where no star adds more than a hundredth of the sky's noise."""
    light = simulate_frame(FIELD, shape, seed=None, fwhm_px=2.8) - 800.0
    return light < 0.3


def test_the_second_night_is_placed(second, merged):
    truth, _ = second
    part = merged.parts[1]
    height, width = OTHER_SHAPE
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    np.testing.assert_allclose(part.transform(corners), truth(corners), rtol=0, atol=0.1)
    assert part.transform.scale == pytest.approx(1.02, abs=2e-4)
    assert not part.mirrored
    assert part.inliers > 40
    assert 0 < part.rms_px < 0.5
    # Haze took a fifth, and 1.04 as much sky falls on a pixel of the first.
    assert part.flux_scale == pytest.approx(1 / (0.8 * 1.02**2), rel=5e-3)
    assert merged.parts[0].transform.offset_px(SHAPE) == (0.0, 0.0)


def test_coverage_counts_the_frames_of_both(first, second, merged):
    truth, _ = second
    rows, cols = np.indices(SHAPE)
    there = truth.inverse(np.column_stack([cols.ravel(), rows.ravel()]))
    inside = ((there > 6) & (there < np.array(OTHER_SHAPE[::-1]) - 7)).all(axis=1).reshape(SHAPE)
    outside = ((there < -1) | (there > OTHER_SHAPE[::-1])).any(axis=1).reshape(SHAPE)
    assert 0.2 < inside.mean() < 0.95
    assert outside.mean() > 0.05
    assert (merged.stack.coverage[outside] == first.coverage[outside]).all()
    rejected = merged.stack.rejected[inside]
    assert ((merged.stack.coverage - first.coverage)[inside] <= SECOND_FRAMES).all()
    assert (merged.stack.coverage[inside] + rejected).max() == FIRST_FRAMES + SECOND_FRAMES
    assert np.median(merged.stack.coverage[inside]) == FIRST_FRAMES + SECOND_FRAMES
    assert merged.stack.frames == FIRST_FRAMES + SECOND_FRAMES
    assert np.isnan(merged.stack.mean[merged.stack.coverage == 0]).all()


def test_the_flux_and_the_sky_are_those_of_the_first(first, merged):
    stars = lonely_stars()
    assert len(stars) > 8
    ratio = aperture_fluxes(merged.stack.mean, stars) / aperture_fluxes(first.mean, stars)
    assert np.median(ratio) == pytest.approx(1.0, abs=6e-3)
    assert ratio.std() < 0.03
    dark = empty_sky(SHAPE) & (merged.stack.coverage > FIRST_FRAMES)
    halves = dark[:, : SHAPE[1] // 2].sum(), dark[:, SHAPE[1] // 2 :].sum()
    assert min(halves) > 1000
    for half in (np.s_[:, : SHAPE[1] // 2], np.s_[:, SHAPE[1] // 2 :]):
        off = np.median(merged.stack.mean[half][dark[half]]) - 800.0
        assert abs(off) < 1.0, "of a slope of 120 ADU and 300 ADU more sky"


def test_the_variance_is_that_of_the_noise(merged):
    stack = merged.stack
    well = empty_sky(SHAPE) & (stack.coverage + stack.rejected == FIRST_FRAMES + SECOND_FRAMES)
    assert well.sum() > 8000
    residual = (stack.mean - np.median(stack.mean[well]))[well] / np.sqrt(stack.variance[well])
    # 16 samples make a variance that scatters: Student's t is 4 % wider than a normal one.
    assert 1.4826 * np.median(np.abs(residual)) == pytest.approx(1.02, abs=0.06)


def test_the_snr_grows_as_the_weights_say(first, second, merged):
    both = empty_sky(SHAPE) & (merged.stack.coverage > FIRST_FRAMES)
    covered = both & (merged.stack.coverage + merged.stack.rejected == 16)

    def noise(image):
        boxes = np.where(covered, image, np.nan)[:256, :376].reshape(32, 8, 47, 8)
        full = np.isfinite(boxes).sum(axis=(1, 3)) > 40
        means = np.nanmean(np.where(full[:, None, :, None], boxes, 0.0), axis=(1, 3))
        return 1.4826 * np.median(np.abs(means[full] - np.median(means[full])))

    gain = noise(first.mean) / noise(merged.stack.mean)
    shares = [part.share for part in merged.parts]
    # The second night has 1.38 of the noise of the first, and 0.78 of its light a pixel.
    weight = (0.8 * 1.02**2) ** 2 * 825 / 1125
    assert shares[0] == pytest.approx(1 / (1 + weight), abs=0.02)
    assert sum(shares) == pytest.approx(1.0)
    assert gain == pytest.approx(np.sqrt(1 / shares[0]), rel=0.08)


def test_two_like_nights_gain_the_root_of_two(first):
    again = night(3, FIRST_FRAMES, Transform.identity())
    merged = merge_stacks([first, again])
    assert [part.share for part in merged.parts] == pytest.approx([0.5, 0.5], abs=0.01)
    dark = empty_sky(SHAPE) & (merged.stack.coverage + merged.stack.rejected == 16)
    middle = np.s_[20:-20, 20:-20]
    ratio = np.median(first.variance[middle][dark[middle]]) / np.median(
        merged.stack.variance[middle][dark[middle]]
    )
    # The resampled night's pixels are alike where it lies between those of the first.
    assert 1.85 < ratio < 2.6


def test_a_mirrored_stack_is_found_out(first):
    truth = similarity(12.0, 0.985, mirrored=True)
    mirrored = night(4, 4, truth, shape=OTHER_SHAPE)
    merged = merge_stacks([first, mirrored])
    assert merged.parts[1].mirrored
    assert np.linalg.det(merged.parts[1].transform.matrix) < 0
    corners = np.array([[0, 0], [329, 0], [0, 299]])
    np.testing.assert_allclose(
        merged.parts[1].transform(corners), truth(corners), rtol=0, atol=0.15
    )
    stars = lonely_stars()
    ratio = aperture_fluxes(merged.stack.mean, stars) / aperture_fluxes(first.mean, stars)
    assert np.median(ratio) == pytest.approx(1.0, abs=8e-3)


def test_what_cannot_be_aligned_is_refused(first):
    elsewhere = random_field(SHAPE, 150, seed=77, faintest_adu=2_500.0)
    st = LiveStacker()
    for n in range(3):
        st.add_frame(simulate_frame(elsewhere, SHAPE, seed=n))
    with pytest.raises(FrameRejected, match="cannot be aligned with the first"):
        merge_stacks([first, st.stack])
    other_telescope = night(5, 3, similarity(0.0, 1.3), shape=OTHER_SHAPE)
    with pytest.raises(FrameRejected, match="about the same scale"):
        merge_stacks([first, other_telescope])
    with pytest.raises(ValueError, match="two stacks or more, got 1"):
        merge_stacks([first])
    colour = Stack(*(np.repeat(a[..., None], 3, 2) for a in arrays_of(first)), frames=8)
    with pytest.raises(ValueError, match="differ in colour"):
        merge_stacks([first, colour])


def arrays_of(stack):
    return stack.mean, stack.weight, stack.m2, stack.coverage


def test_colours_are_merged_each_for_itself(first, second):
    def coloured(stack):
        planes = [np.stack([part * a for part in (1, 2, 1)], 2) for a in (stack.mean, stack.m2)]
        planes[1][..., 1] *= 2
        weight, coverage = (np.repeat(a[..., None], 3, 2) for a in (stack.weight, stack.coverage))
        return Stack(planes[0], weight, planes[1], coverage, stack.frames)

    merged = merge_stacks([coloured(first), coloured(second[1])]).stack
    grey = merge_stacks([first, second[1]]).stack
    known = np.isfinite(grey.mean)
    np.testing.assert_allclose(
        merged.mean[known], grey.mean[known][:, None] * [1, 2, 1], rtol=0.02, atol=4.0
    )


def test_files_and_folders_are_merged_by_the_command(tmp_path, capsys):
    for name, seed, truth in (("a", 6, Transform.identity()), ("b", 7, similarity(90, 1.0))):
        field = StarField(truth.inverse(FIELD.xy), FIELD.flux_adu)
        shape = SHAPE if name == "a" else OTHER_SHAPE
        for n in range(3):
            image = simulate_frame(field, shape, seed=100 * seed + n)
            frame = read_frame_of(image, tmp_path / name / f"{n}.fit")
            assert frame.exposure_s == 10.0
        out = str(tmp_path / f"out_{name}")
        assert main(["stack", str(tmp_path / name), "-o", out, "-q"]) == 0
        assert len(find_frames(tmp_path / name)) == 3
    capsys.readouterr()
    inputs = [str(tmp_path / "out_a"), str(tmp_path / "out_b" / "stack.fits")]
    assert main(["merge", *inputs, "-o", str(tmp_path / "both")]) == 0
    printed = capsys.readouterr().out
    assert "Merged 6 frames, 60 s of exposure" in printed
    assert "turned by +90." in printed
    merged = read_stack(tmp_path / "both" / "stack.fits")
    assert (merged.frames, merged.coverage.max()) == (6, 6)
    assert (tmp_path / "both" / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert main(["merge", inputs[0], str(tmp_path / "none.fits"), "-o", str(tmp_path)]) == 2
    assert "none.fits: cannot be read" in capsys.readouterr().err
    assert main(["merge", inputs[0], "-o", str(tmp_path)]) == 2
    assert "give two stacks or more" in capsys.readouterr().err


def read_frame_of(image, path):
    from seestack import Frame

    write_frame(path, Frame(image, 10.0))
    return read_frame(path)


def test_a_merged_stack_is_written_and_merged_again(first, second, merged, tmp_path):
    write_stack(tmp_path / "both.fits", merged.stack, merged.observation)
    again = read_stack(tmp_path / "both.fits")
    np.testing.assert_allclose(again.variance, merged.stack.variance, rtol=1e-5, atol=0)
    third = night(8, 4)
    three = merge_stacks([tmp_path / "both.fits", third])
    assert three.stack.frames == 20
    assert three.parts[1].share == pytest.approx(
        4 / (4 + 8 + 8 * (1 / merged.parts[0].share - 1)), abs=0.03
    )
