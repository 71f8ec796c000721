"""The checks of arguments."""

import numpy as np
import pytest
from simulated import NO_IMAGES, NOT_COUNTS, NOT_POSITIVE

from seestack.checks import as_image, as_real_array, check_positive


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int16(3), 1e-300])
def test_positive_numbers(value):
    check_positive("x", value)


@pytest.mark.parametrize("value", [1, np.int64(3), np.uint8(3)])
def test_counts(value):
    check_positive("x", value, whole=True)


@pytest.mark.parametrize(("value", "error", "words"), NOT_POSITIVE)
def test_not_positive(value, error, words):
    with pytest.raises(error, match=f"^x {words}"):
        check_positive("x", value)


@pytest.mark.parametrize(("value", "error", "words"), NOT_COUNTS)
def test_not_counts(value, error, words):
    with pytest.raises(error, match=f"^x {words}"):
        check_positive("x", value, whole=True)


@pytest.mark.parametrize(("image", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_no_image(image, words):
    with pytest.raises(ValueError, match=f"^x must .*{words}"):
        as_image("x", image)


def test_arrays_are_not_copied():
    image = np.ones((3, 4), ">f4")
    assert as_image("x", image) is image
    assert as_real_array("x", []).size == 0
