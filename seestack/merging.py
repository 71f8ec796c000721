"""Merge stacks of the same field that have different grids: other nights, other telescopes.

The stars of two stacks tell how one lies on the other, turned by any angle, mirrored, or of
a slightly different scale; their fluxes, how bright it is; the boxes of sky, what its sky
adds. Each stack then counts as the inverse of its variance.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seestack.alignment import Placement, align
from seestack.checks import check_positive
from seestack.model import FloatArray, Observation, Stack, Stars, Transform
from seestack.numerics.propagation import resampled, resampled_count, resampled_variance
from seestack.steps.colour import luminance_of_colour
from seestack.steps.detection import detect
from seestack.steps.normalization import normalize, sky_boxes
from seestack.storage.session_folder import SessionFolder
from seestack.storage.stackfile import read_observation, read_stack

__all__ = ["MergedPart", "MergedStacks", "merge_stacks"]

StackLike = Stack | str | os.PathLike[str]
_MAX_STARS = 180


@dataclass(frozen=True, slots=True)
class MergedPart:
    """How one stack went into a merged one.

    Parameters
    ----------
    name : str
        Its file; empty for a stack that came from none.
    frames : int
        Frames in it.
    transform : Transform
        Its pixels to those of the first stack; of negative determinant if mirrored.
    mirrored : bool
        Whether it is a mirror image of the first.
    inliers : int
        Star pairs that agree; 0 for the first stack.
    rms_px : float or None
        Root mean square of their distances.
    flux_scale : float
        What its pixels were multiplied by.
    share : float
        Its share of the weight where both cover the middle of the field, from 0 to 1.
    """

    name: str
    frames: int
    transform: Transform
    mirrored: bool
    inliers: int
    rms_px: float | None
    flux_scale: float
    share: float

    def __str__(self) -> str:
        motion = self.transform
        how = (
            f"turned by {motion.rotation_deg:+.3f} deg, scale {motion.scale:.5f}, "
            f"{self.inliers} stars, {self.rms_px:.3f} px rms, flux x {self.flux_scale:.4f}"
            if self.rms_px is not None
            else "the grid, the flux and the sky are its own"
        )
        mirrored = "mirrored, " if self.mirrored else ""
        return f"{self.name}: {self.frames} frames, {self.share:.1%} of the weight, {mirrored}{how}"


@dataclass(frozen=True, slots=True, eq=False)
class MergedStacks:
    """What `merge_stacks` returns.

    Parameters
    ----------
    stack : Stack
        On the grid of the first stack.
    observation : Observation
        When and with what all frames were taken; for `write_stack`.
    parts : tuple of MergedPart
        One for each stack, in the order given.
    """

    stack: Stack
    observation: Observation
    parts: tuple[MergedPart, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A stack on the grid of the first: arrays of its shape, weight as 1 / variance."""

    mean: FloatArray
    variance: FloatArray
    weight: FloatArray
    coverage: NDArray[np.int32]
    rejected: NDArray[np.int32]


def merge_stacks(stacks: Sequence[StackLike], *, max_scale_change: float = 0.03) -> MergedStacks:
    r"""Align stacks of the same field on the first one and combine them by weight.

    Parameters
    ----------
    stacks : sequence of Stack or path-like
        Stacks without their outliers (`LiveStacker.stack`), files that `write_stack` wrote,
        or folders of sessions. All in colour, or none.
    max_scale_change : float, default 0.03
        Scales that differ by so much, as a share, are tried.

    Returns
    -------
    MergedStacks
        The stack has the grid of the first; what lies outside of it is cut off. Its `mean`
        is in ADU of the first stack, `variance` that of the mean, `coverage` the number of
        frames of all stacks. It has no extremes.

    Raises
    ------
    FrameRejected
        If a stack cannot be placed on the first; its reason names it.
    StackFileError
        If a file is no stack.
    ValueError
        If there are fewer than two stacks, or they differ in colour.

    Notes
    -----
    A stack with the mean x and the variance v is resampled to x', multiplied by
    :math:`g = 1 / (q s^2)`, with q its stars' flux over those of the first and s its scale,
    and given the sky of the first by `seestack.normalize`. Its weight is
    :math:`W = w / (g^2 v_1)`: the w of its pixels over the variance of one of weight 1, the
    median of all. The result and its variance are

    .. math:: m = \frac{\sum W x'}{\sum W},\quad
              \mathrm{Var}(m) = \frac{\sum W^2 g^2 v'}{(\sum W)^2}

    with v' as ``numerics.propagation.resampled_variance`` gives it. The stacks'
    noise is taken to be independent, and that of neighbouring pixels too. What the nights
    disagree in beyond their noise, such as a variable star, is not in the variance.

    Examples
    --------
    >>> from seestack.stacker import LiveStacker
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((160, 240), 60, seed=5, faintest_adu=4_000.0)
    >>> nights = []
    >>> for night, angle in enumerate((0.0, 183.0)):
    ...     st = LiveStacker()
    ...     turned = Transform.rigid(rotation_deg=angle, shift_px=(230, 160) if angle else (0, 0))
    ...     for n in range(4):
    ...         report = st.add_frame(
    ...             simulate_frame(field, (160, 240), transform=turned, seed=10 * night + n))
    ...     nights.append(st.stack)
    >>> merged = merge_stacks(nights)
    >>> merged.stack.frames, merged.stack.coverage.max().item(), merged.parts[1].mirrored
    (8, 8, False)
    >>> abs(merged.parts[1].transform.rotation_deg + 177.0) < 0.1
    True
    """
    check_positive("max_scale_change", max_scale_change)
    if len(stacks) < 2:
        raise ValueError(f"give two stacks or more, got {len(stacks)}")
    names, read, seen = zip(*map(_opened, stacks), strict=True)
    first = read[0]
    for name, stack in zip(names, read, strict=True):
        if stack.mean.ndim != first.mean.ndim:
            raise ValueError(
                f"{name or 'a stack'} and the first differ in colour; stack both with --mono"
            )
    stars = [_stars(stack) for stack in read]
    placements = [
        Placement.identity(),
        *(
            align(stars[0], other, first.shape, stack.shape, max_scale_change, name=name)
            for other, stack, name in zip(stars[1:], read[1:], names[1:], strict=True)
        ),
    ]
    boxes = sky_boxes(first.mean)
    layers = [
        _layer(stack, placement, first.mean.shape, boxes if n else None)
        for n, (stack, placement) in enumerate(zip(read, placements, strict=True))
    ]
    merged = _combined(layers, frames=sum(stack.frames for stack in read))
    total = np.sum([np.median(layer.weight[layer.weight > 0]) for layer in layers])
    parts = tuple(
        MergedPart(
            name=name,
            frames=stack.frames,
            transform=placement.transform,
            mirrored=placement.mirrored,
            inliers=placement.inliers,
            rms_px=placement.rms_px,
            flux_scale=placement.flux_scale,
            share=float(np.median(layer.weight[layer.weight > 0]) / total),
        )
        for name, stack, placement, layer in zip(names, read, placements, layers, strict=True)
    )
    return MergedStacks(merged, _observed(seen), parts)


def _opened(item: StackLike) -> tuple[str, Stack, Observation]:
    if isinstance(item, Stack):
        return "", item, Observation()
    path = Path(item)
    path = SessionFolder(path).stack if path.is_dir() else path
    return str(path), read_stack(path), read_observation(path)


def _stars(stack: Stack) -> Stars:
    light = stack.mean if stack.mean.ndim == 2 else luminance_of_colour(stack.mean)
    return detect(light, max_stars=_MAX_STARS)


def _layer(stack: Stack, placed: Placement, shape: tuple[int, ...], boxes: Any) -> _Layer:
    """Lay a stack on the grid of the first, with the flux and the sky of that."""
    gain = placed.flux_scale
    unit = gain**2 * _variance_of_weight_one(stack)
    modelled = np.divide(
        unit, stack.weight, out=np.full(stack.mean.shape, np.nan), where=stack.weight > 0
    )
    variance = np.where(np.isfinite(stack.variance), gain**2 * stack.variance, modelled)
    none = np.zeros(stack.coverage.shape, np.int32)
    rejected = none if stack.rejected is None else stack.rejected
    if boxes is None:
        coverage = stack.coverage.astype(np.int32)
        return _Layer(stack.mean, variance, stack.weight / unit, coverage, rejected)
    grid, inverse = (shape[0], shape[1]), placed.transform.inverse.matrix
    layers = []
    for channel in np.ndindex(stack.mean.shape[2:]):
        here = (slice(None), slice(None), *channel)
        image, footprint = resampled(stack.mean[here], inverse, grid)
        weight, _ = resampled(stack.weight[here] / unit, inverse, grid)
        layers.append(
            (
                image,
                resampled_variance(variance[here], inverse, grid),
                np.where(footprint, np.maximum(weight, 0), 0.0),
                resampled_count(stack.coverage[here], inverse, grid, footprint),
                resampled_count(rejected[here], inverse, grid, footprint),
            )
        )
    mean, *others = (
        np.stack(arrays, axis=-1).reshape(shape) for arrays in zip(*layers, strict=True)
    )
    mean = normalize(mean, boxes, scale=gain, out=mean)
    return _Layer(mean.astype(np.float64), *others)


def _variance_of_weight_one(stack: Stack) -> float:
    """Return the variance of a frame of weight 1, the median over the well covered pixels."""
    usable = (stack.coverage >= max(2, 0.5 * stack.coverage.max())) & (stack.m2 > 0)
    if not usable.any():
        raise ValueError("a stack of fewer than two frames has no variance; stack more frames")
    return float(np.median((stack.variance * stack.weight)[usable]))


def _combined(layers: Sequence[_Layer], *, frames: int) -> Stack:
    shape = layers[0].mean.shape
    weight, light, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    coverage, rejected = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for layer in layers:
        use = (layer.weight > 0) & np.isfinite(layer.mean) & np.isfinite(layer.variance)
        share = np.where(use, layer.weight, 0.0)
        weight += share
        light += share * np.where(use, layer.mean, 0.0)
        squares += share**2 * np.where(use, layer.variance, 0.0)
        coverage += np.where(use, layer.coverage, 0).astype(np.int32)
        rejected += np.where(use, layer.rejected, 0).astype(np.int32)
    known = weight > 0
    mean = np.divide(light, weight, out=np.full(shape, np.nan), where=known)
    variance = np.divide(squares, weight**2, out=np.zeros(shape), where=known)
    return Stack(
        mean=mean,
        weight=weight,
        # By which `Stack.variance` is this very variance.
        m2=variance * np.maximum(coverage - 1, 0) * weight,
        coverage=coverage,
        frames=frames,
        rejected=rejected,
    )


def _observed(seen: Sequence[Observation]) -> Observation:
    """Return when and with what all frames were taken."""
    timed = [one for one in seen if one.start and one.end and one.middle and one.timed_frames]
    whole = replace(
        seen[0], total_exposure_s=sum(one.total_exposure_s for one in seen), timed_frames=0
    )
    if not timed:
        return replace(whole, start=None, end=None, middle=None)
    count = sum(one.timed_frames for one in timed)
    origin = min(one.start for one in timed if one.start)
    middle = origin + sum(
        ((one.middle - origin) * (one.timed_frames / count) for one in timed if one.middle),
        start=origin - origin,
    )
    end = max(one.end for one in timed if one.end)
    return replace(whole, start=origin, end=end, middle=middle, timed_frames=count)
