"""The variance of resampled noise, against noise that is resampled."""

import numpy as np
import pytest

from seestack import Transform
from seestack.numerics.propagation import resampled, resampled_count, resampled_variance

SHAPE = (180, 260)


@pytest.mark.parametrize(
    ("angle", "scale", "shift"),
    [
        (0.0, 1.0, (0.5, 0.5)),
        (0.0, 1.0, (0.25, 0.0)),
        (7.0, 1.02, (3.3, -9.1)),
        (90.0, 0.98, (8, 2)),
    ],
)
def test_the_variance_is_that_of_resampled_noise(angle, scale, shift):
    turn = Transform(np.diag([scale, scale, 1.0])) @ Transform.rigid(
        rotation_deg=angle, shift_px=shift
    )
    inverse = turn.inverse.matrix
    variance = np.linspace(1.0, 9.0, SHAPE[1]) * np.ones(SHAPE)
    expected = resampled_variance(variance, inverse, SHAPE)
    rng = np.random.default_rng(8)
    ratios = []
    for _ in range(12):
        noise = rng.normal(0, np.sqrt(variance)).astype(np.float32)
        image, footprint = resampled(noise, inverse, SHAPE)
        ratios.append(image[footprint] ** 2 / expected[footprint])
    # 12 draws of 10,000 pixels and more, with neighbours alike.
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)


def test_a_whole_step_copies():
    image = np.random.default_rng(1).normal(5, 1, (9, 14)).astype(np.float32)
    inverse = Transform.rigid(shift_px=(2.0, -1.0)).inverse.matrix
    moved, footprint = resampled(image, inverse, (9, 14))
    np.testing.assert_allclose(moved[:8, 2:], image[1:, :12], rtol=1e-6, atol=0)
    assert footprint.sum() == 8 * 12
    variance = resampled_variance(image**2, inverse, (9, 14))
    np.testing.assert_allclose(variance[:8, 2:], image[1:, :12] ** 2, rtol=1e-5, atol=0)
    count = resampled_count(np.arange(126).reshape(9, 14), inverse, (9, 14), footprint)
    assert count[0, 2] == 14
    assert count[8, 5] == count[0, 0] == 0


def test_what_is_not_known_stays_where_it_is():
    image = np.full((30, 40), 7.0)
    image[10, 12] = np.nan
    inverse = Transform.rigid(shift_px=(0.5, 0.0)).inverse.matrix
    for result in (
        resampled(image, inverse, (30, 40))[0],
        resampled_variance(image, inverse, (30, 40)),
    ):
        unknown = np.argwhere(np.isnan(result[:, 1:])).tolist()
        assert unknown == [[10, 11], [10, 12]]
