"""What makes a sample an outlier, in numbers that every judgement of samples shares."""

from __future__ import annotations

__all__ = [
    "CONTRAST_BOX_PX",
    "CONTRAST_SHARE",
    "KAPPA_NEAR",
    "NOISE_BOX_PX",
    "NOISE_RANGE",
    "SHARED_SAMPLES",
]

# A neighbour of an outlier, in the same frame, is one at this many standard deviations.
KAPPA_NEAR = 2.5
# What the noise of the neighbourhood counts for, in samples, beside the pixel's own.
SHARED_SAMPLES = 10.0
NOISE_BOX_PX = 5
CONTRAST_BOX_PX = 5
# Changing seeing alters a pixel by up to this share of the contrast around it.
CONTRAST_SHARE = 2.0
# The range of 25 samples of noise is below this many standard deviations.
NOISE_RANGE = 5.5
