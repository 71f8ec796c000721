"""Laws of LiveStacker: what is rejected changes nothing, and the order is no matter."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from simulated import turn

from seestack import LiveStacker
from seestack.simulation import random_field, simulate_frame

SHAPE = (90, 130)
FIELD = random_field(SHAPE, 30, seed=6, faintest_adu=5_000.0)
GOOD = [simulate_frame(FIELD, SHAPE, transform=turn(SHAPE, 2.0 * n), seed=n) for n in range(4)]
TYPES = st.sampled_from(["f4", "f8", ">f4", "u1", "u2", ">u2", "i4"])


def state(stacker):
    stack = stacker.stack
    return (
        stack.mean.tobytes(),
        stack.weight.tobytes(),
        stack.m2.tobytes(),
        stack.coverage.tobytes(),
        stack.frames,
        stacker.frames_stacked,
        stacker.last_registration,
        stacker.observation,
    )


@pytest.fixture(scope="module")
def stacker():
    made = LiveStacker()
    for image in GOOD:
        assert made.add_frame(image)["accepted"]
    return made


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60)
@given(junk=TYPES.flatmap(lambda t: hnp.arrays(t, SHAPE)) | hnp.arrays("f4", (20, 30)))
def test_a_rejected_frame_changes_nothing(stacker, junk):
    before, total = state(stacker), stacker.frames_total
    with np.errstate(all="ignore"):
        report = stacker.add_frame(junk)
    assert not report["accepted"]
    json.dumps(report, allow_nan=False)
    assert stacker.frames_total == total + 1
    assert state(stacker) == before


@settings(max_examples=20)
@given(order=st.permutations([1, 2, 3]))
def test_the_order_of_the_frames_after_the_reference_is_no_matter(stacker, order):
    other = LiveStacker()
    for index in [0, *order]:
        assert other.add_frame(GOOD[index])["accepted"]
    np.testing.assert_array_equal(other.stack.coverage, stacker.stack.coverage)
    np.testing.assert_allclose(other.stack.mean, stacker.stack.mean, rtol=1e-12, atol=0)
    np.testing.assert_allclose(other.stack.m2, stacker.stack.m2, rtol=1e-9, atol=1e-9)


@settings(max_examples=20)
@given(factor=st.floats(0.05, 20.0), level=st.floats(-500.0, 5_000.0))
def test_gain_and_level_of_the_camera_are_no_matter(factor, level):
    plain, scaled = LiveStacker(), LiveStacker()
    for image in GOOD:
        one = plain.add_frame(image)
        two = scaled.add_frame((image * factor + level).astype(np.float32))
        assert two["accepted"] == one["accepted"]
        np.testing.assert_allclose(two["offset"], one["offset"], rtol=0, atol=0.02)
        assert abs(two["rotation_deg"] - one["rotation_deg"]) < 0.02
