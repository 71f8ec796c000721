"""The noise of a stack, from what its frames say differently about the same sky.

Whatever all frames show alike - stars, a nebula, the slope of the sky - cancels in the
difference of two parts of the stack; what is left is noise. Means of boxes are compared,
which resampling hardly smooths, and parts that follow each other in time, so that a
pattern which creeps over the sky with the drift of the mount does not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import ArrayLike

from seestack.checks import check_positive
from seestack.model import BoolArray, FloatArray
from seestack.numerics.boxmeans import BoxSums, box_means
from seestack.numerics.spread import robust_spread

__all__ = ["NoiseTrack"]

_MOST_PARTS = 16
# Boxes are used that so much of the stack's weight covers.
_COVERED = 0.9
_STAR_SIGMA = 4.0
_STAR_SHARE, _DARK_PERCENT = 0.5, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class NoiseTrack:
    """The frames of a stack in boxes, summed in up to 16 parts one after another.

    Start it with `NoiseTrack.start`; `with_frame` returns the next one. It is small:
    about 1/100 of the memory of a stack in boxes of 8 pixels, however many frames.

    Parameters
    ----------
    reference : ndarray of shape (h, w)
        Box means of the first frame in ADU; NaN where too few pixels are known.
    reference_weight : float
        Its weight.
    upto : tuple
        Sums of all frames up to the end of each part; all parts but the last have equally
        many. So no more than two of them are needed to compare parts of the stack.
    box_px : int
        Side of the boxes in pixels.

    Examples
    --------
    >>> frames = np.random.default_rng(0).normal(100.0, 8.0, (5, 320, 400))
    >>> track = NoiseTrack.start(frames[0])
    >>> for frame in frames[1:]:
    ...     track = track.with_frame(frame)
    >>> track.frames, track.mean.shape, track.weight
    (5, (40, 50), 5.0)
    """

    reference: FloatArray
    reference_weight: float
    upto: tuple[BoxSums, ...]
    box_px: int

    @classmethod
    def start(cls, image: ArrayLike, *, weight: float = 1.0, box_px: int = 8) -> NoiseTrack:
        """Return the track of the first frame.

        Parameters
        ----------
        image : array_like of shape (H, W) or (H, W, 3)
            The reference frame in ADU. Colours are averaged. NaN marks unknown pixels.
        weight : float, default 1.0
            Its weight in the stack.
        box_px : int, default 8
            Side of the boxes. Bilinear resampling lowers the noise of a box of 8
            pixels by 4 %, of 16 by 2 %; the default resampling of `seestack.warp` by
            less than 1 %.

        Raises
        ------
        ValueError, TypeError
            If `image` is no image, or a number is not positive.
        """
        check_positive("weight", weight)
        check_positive("box_px", box_px, whole=True)
        boxes = box_means(image, box_px)
        return cls(boxes, float(weight), (BoxSums.of(boxes, weight),), box_px)

    def with_frame(
        self, image: ArrayLike, footprint: ArrayLike | None = None, *, weight: float = 1.0
    ) -> NoiseTrack:
        """Return the track with one more frame; this one stays as it is.

        Parameters
        ----------
        image : array_like of shape (H, W) or (H, W, 3)
            The frame on the grid of the reference, as it is accumulated.
        footprint : array_like of bool, shape (H, W), optional
            True where the frame covers the reference; not needed where `image` is NaN
            outside of it.
        weight : float, default 1.0
            Weight of the frame in the stack.

        Raises
        ------
        ValueError, TypeError
            If the shape is not the reference's, or `weight` is not positive.
        """
        return self.with_boxes(box_means(image, self.box_px, footprint), weight=weight)

    def with_boxes(self, boxes: FloatArray, *, weight: float = 1.0) -> NoiseTrack:
        """Return the track with one more frame, whose boxes have been measured already.

        Parameters
        ----------
        boxes : ndarray of shape (h, w)
            Its box means in ADU; NaN where too few pixels are known.
        weight : float, default 1.0
            Weight of the frame in the stack.

        Raises
        ------
        ValueError, TypeError
            As for `with_frame`.
        """
        check_positive("weight", weight)
        if boxes.shape != self.reference.shape:
            raise ValueError(
                f"image must have the reference's {self.reference.shape} boxes of "
                f"{self.box_px} px, got {boxes.shape}"
            )
        upto = self.upto
        whole = upto[-1] + BoxSums.of(boxes, weight)
        if len(upto) > 1 and upto[-1].frames - upto[-2].frames < upto[0].frames:
            return replace(self, upto=(*upto[:-1], whole))
        if len(upto) == _MOST_PARTS:
            upto = upto[1::2]
        return replace(self, upto=(*upto, whole))

    def first_parts(self, count: int) -> NoiseTrack:
        """Return the track as it was after so many of its parts."""
        return replace(self, upto=self.upto[:count])

    @property
    def parts(self) -> tuple[BoxSums, ...]:
        """The sums of consecutive frames, all but the last of equally many."""
        later = (last - before for before, last in pairwise(self.upto))
        return (self.upto[0], *later)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.upto[-1].frames

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return self.upto[-1].total

    @property
    def mean(self) -> FloatArray:
        """Weighted mean of all frames in boxes, (h, w), in ADU; NaN where none covers."""
        return self.upto[-1].mean

    @property
    def usable(self) -> BoolArray:
        """(h, w), True for boxes that nearly all frames cover and that hold no peak.

        A peak is a box that stands out of the 5 x 5 around it by 4 sigma.
        """
        covered, peaks, _ = self._peaks()
        return covered & (peaks <= _STAR_SIGMA * robust_spread(peaks[covered]))

    @property
    def starless(self) -> BoolArray:
        """(h, w), as `usable`, but a bright nebula or galaxy keeps its middle.

        A star must also add half of what is around it above the dark sky.
        """
        covered, peaks, around = self._peaks()
        if not covered.any():
            return covered
        above = around - np.percentile(around[covered], _DARK_PERCENT)
        least = _STAR_SIGMA * robust_spread(peaks[covered])
        return covered & (peaks <= np.maximum(_STAR_SHARE * above, least))

    def _peaks(self) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Return the covered boxes, their height above the 5 x 5 around, and those."""
        covered, mean = self.upto[-1].weight >= _COVERED * self.weight, self.mean
        level = mean[covered].mean() if covered.any() else 0.0
        filled = (mean - level).astype(np.float32)
        np.copyto(filled, 0, where=~covered)
        around = cv2.medianBlur(filled, 5)
        return covered, filled - around, around

    def halves(self) -> tuple[FloatArray, FloatArray]:
        r"""Return the noise of the stack, drawn once for each box, and the stack itself.

        Returns
        -------
        noise : ndarray of shape (h, w)
            The first half in time minus the second, scaled so that its standard
            deviation is that of the mean of all frames. NaN for a single frame.
        mean : ndarray of shape (h, w)
            The mean of all frames.

        Notes
        -----
        With weights :math:`W_1, W_2` of the halves and noise of either mean in inverse
        proportion to the root of its weight, the noise of the whole is that of the
        difference times :math:`\sqrt{W_1 W_2} / (W_1 + W_2)`. Where the halves weigh
        the same that is 1/2 and needs no such assumption.
        """
        whole = self.upto[-1]
        if len(self.upto) == 1:
            return np.full_like(self.reference, np.nan), whole.mean
        totals = np.array([sums.total for sums in self.upto[:-1]])
        first = self.upto[int(np.argmin(np.abs(totals - whole.total / 2)))]
        second = whole - first
        with np.errstate(invalid="ignore", divide="ignore"):
            noise = first.light / first.weight
            noise -= np.divide(second.light, second.weight, out=second.light)
            scale = np.multiply(first.weight, second.weight, out=second.weight)
            noise *= np.divide(np.sqrt(scale, out=scale), whole.weight, out=scale)
            return noise, whole.mean

    def deviations(self) -> FloatArray:
        """Return each part minus the stack times the root of the part's weight, (k, h, w).

        NaN where a part does not cover.
        """
        mean = self.mean
        return np.stack([(part.mean - mean) * np.sqrt(part.weight) for part in self.parts])
