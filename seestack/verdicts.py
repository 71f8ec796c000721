"""The verdict on whatever a source yields: a row, also for what is no image at all."""

from __future__ import annotations

from seestack.model import Frame, FrameReport
from seestack.sources.persistence import Item
from seestack.stacker import LiveStacker

__all__ = ["verdict"]


def verdict(stacker: LiveStacker, item: Item) -> FrameReport:
    """Stack an item if it can be stacked, and count it as rejected if not.

    Parameters
    ----------
    stacker : LiveStacker
        It gets the frame or the rejection.
    item : Frame, array_like or UnreadableFrameError
        As a source yields it.

    Returns
    -------
    FrameReport
        Of `LiveStacker.add_frame`, or one that says why the item is no image.

    Examples
    --------
    >>> verdict(LiveStacker(), [1, 2, 3])["accepted"]
    False
    """
    try:
        return stacker.add_frame(item)
    except (TypeError, ValueError) as error:  # not an image: a row, not the end
        return stacker.reject(str(error), frame=item if isinstance(item, Frame) else None)
