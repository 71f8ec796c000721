"""Save the sub-frames of a session, each in a file of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seestack.model import Frame
from seestack.storage.fits import write_frame

__all__ = ["SubFrames"]


class SubFrames:
    """A folder that receives frames.

    Parameters
    ----------
    folder : path-like
        Made with the first frame. What it holds is never replaced.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = SubFrames(folder).save(Frame([[0, 1, 2], [3, 4, 5]], 10.0))
    ...     Path(saved.source).name, Path(saved.source).exists()
    ('sub_undated_00001.fits', True)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._number = 0

    def save(self, frame: Frame) -> Frame:
        """Write a frame to a file named after its start and a number.

        Parameters
        ----------
        frame : Frame
            One that was read from this folder is not saved again.

        Returns
        -------
        Frame
            It bears the name of its file.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        if frame.source and Path(frame.source).parent == self.folder:
            return frame
        started = frame.start.strftime("%Y%m%d-%H%M%S-%f")[:-3] if frame.start else "undated"
        while True:
            self._number += 1
            path = self.folder / f"sub_{started}_{self._number:05d}.fits"
            if not path.exists():
                break
        write_frame(path, frame)
        return replace(frame, source=str(path))
