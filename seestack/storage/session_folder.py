"""Where the files of a session are in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["SessionFolder"]


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """The folder of a session, which may not exist yet.

    Parameters
    ----------
    path : path-like
        Of the folder.

    Examples
    --------
    >>> folder = SessionFolder("m94")
    >>> folder.checkpoint.as_posix(), [path.name for path in folder.results]
    ('m94/session.checkpoint', ['stack.fits', 'preview.png', 'frames.csv'])
    """

    path: str | Path

    @property
    def stack(self) -> Path:
        """The stack."""
        return Path(self.path, "stack.fits")

    @property
    def preview(self) -> Path:
        """A picture of it."""
        return Path(self.path, "preview.png")

    @property
    def table(self) -> Path:
        """The rows of the frames."""
        return Path(self.path, "frames.csv")

    @property
    def results(self) -> tuple[Path, Path, Path]:
        """The three that every session writes."""
        return self.stack, self.preview, self.table

    @property
    def exact(self) -> Path:
        """The stack of a second pass."""
        return Path(self.path, "exact.fits")

    @property
    def checkpoint(self) -> Path:
        """From which the session goes on."""
        return Path(self.path, "session.checkpoint")

    @property
    def previous(self) -> Path:
        """The checkpoint of an earlier session that did not end."""
        return Path(self.path, "previous.checkpoint")

    @property
    def sub_frames(self) -> Path:
        """Folder of the camera's frames, where they are kept."""
        return Path(self.path, "subs")
