"""CaptureSession: frames from a source, stacked as they arrive, seen by observers.

One thread reads the source (`intake`), a second one stacks, so that the next exposure runs
while the last one is stacked. Observers read frozen snapshots.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from seestack.checks import check_positive
from seestack.intake import Intake, stop_source
from seestack.model import Frame, FrameReport
from seestack.snapshots import Snapshot, seconds_left
from seestack.sources.persistence import Item, persistent
from seestack.stacker import LiveStacker
from seestack.storage.subframes import SubFrames
from seestack.verdicts import verdict

__all__ = ["CaptureSession"]

logger = logging.getLogger(__name__)

_LOOK_S = 0.1
_RECENT = 5


class CaptureSession:
    """Stack what a source yields until enough frames are accepted.

    Parameters
    ----------
    source : iterable of Frame or array_like
        A camera, a folder, a simulated sky or any generator of images. Where it has a
        method ``stop()``, the session calls it to end an exposure. It may yield an
        `UnreadableFrameError` in place of a frame, which counts as a rejected frame.
    stacker : LiveStacker, optional
        A new one by default.
    frames : int or None, default 20
        Accepted frames that end the session; None goes on until the source ends.
    preview_every : int, default 1
        A new preview after this many accepted frames.
    save_to : path-like, optional
        Folder for every sub-frame as FITS; its path is then the source in the frame's
        report. They are not saved by default.
    give_up_s : float, default 600
        A source that was lost is tried again, with growing pauses, for this long.

    Attributes
    ----------
    error : Exception or None
        What ended the session early.
    trouble : str or None
        What hinders a running session, such as a lost camera; None once the next frame
        is read.

    Raises
    ------
    TypeError, ValueError
        If `frames` or `preview_every` is not a positive whole number.

    Examples
    --------
    >>> from seestack.simulation import random_field, simulate_frame
    >>> field = random_field((120, 180), 40, seed=5)
    >>> images = (simulate_frame(field, (120, 180), seed=n) for n in range(9))
    >>> session = CaptureSession(images, frames=4)
    >>> session.start()
    >>> snapshot = session.wait()
    >>> snapshot.state, snapshot.frames_stacked, snapshot.detail
    ('finished', 4, '4 frames stacked')
    """

    def __init__(
        self,
        source: Iterable[Item],
        stacker: LiveStacker | None = None,
        *,
        frames: int | None = 20,
        preview_every: int = 1,
        save_to: str | Path | None = None,
        give_up_s: float = 600.0,
    ) -> None:
        if frames is not None:
            check_positive("frames", frames, whole=True)
        check_positive("preview_every", preview_every, whole=True)
        check_positive("give_up_s", give_up_s)
        self.source = source
        self.stacker = stacker or LiveStacker()
        self.frames = frames
        self.preview_every = preview_every
        self.trouble: str | None = None
        self._sub_frames = None if save_to is None else SubFrames(save_to)
        self._give_up_s = give_up_s
        self._state, self._detail = "idle", "not started"
        self._began = self._ended = 0.0
        self._stopping, self._over = threading.Event(), threading.Event()
        self._failure: Exception | None = None
        self._lock = threading.Lock()
        self._stacking = threading.Lock()
        self._reports: deque[FrameReport] = deque(maxlen=_RECENT)
        self._preview_number = self._unseen = 0
        self._preview: tuple[int, bytes | None] = (0, None)
        self._observers: list[Callable[[Snapshot], None]] = []
        self._intake = Intake(self._arriving())
        self._thread = threading.Thread(target=self._stack, name="seestack-stack", daemon=True)

    def start(self) -> None:
        """Begin; returns at once.

        Raises
        ------
        RuntimeError
            If the session was started before; make a new one to go on.
        """
        with self._lock:
            if self._state != "idle":
                raise RuntimeError(f"a session starts once, and this one is {self._state}")
            self._state, self._detail = "running", "waiting for the first frame"
            self._began = time.monotonic()
        self._intake.start()
        self._thread.start()

    def stop(self, *, timeout_s: float = 1.0) -> Snapshot:
        """End the session, in mid-exposure too; what was read is still stacked.

        Parameters
        ----------
        timeout_s : float, default 1
            Return after this time even if the end is not reached yet.

        Returns
        -------
        Snapshot
            As it is then.
        """
        with self._lock:
            if self._state == "idle":
                self._state, self._detail = "stopped", "stopped before the start"
        self._stopping.set()
        self._stop_source()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float | None = None) -> Snapshot:
        """Wait until the session has ended.

        Parameters
        ----------
        timeout_s : float, optional
            At most so long; without end by default.

        Returns
        -------
        Snapshot
            Look at its `state`: it is ``"running"`` when the time was too short.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        current = threading.current_thread()
        started = self._thread.ident is not None and self._thread is not current
        # An event, because a join that Ctrl-C interrupts takes its thread for ended (before
        # Python 3.13); in slices, because a longer wait cannot be interrupted everywhere.
        while started and not self._over.is_set():
            left_s = _LOOK_S if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                return self.snapshot()
            self._over.wait(min(left_s, _LOOK_S))
        for thread in (self._thread, self._intake.thread):
            # A source without a stop() may sit in its next frame; it ends by itself.
            if thread.ident is not None and thread is not current:
                thread.join(_LOOK_S)
        return self.snapshot()

    def reset(self) -> None:
        """Forget every frame and go on; the next usable one becomes the reference.

        Waits for the frame that is being stacked, which is forgotten too.
        """
        with self._stacking:
            self.stacker.reset()
            with self._lock:
                self._reports.clear()
                self._unseen = 0
                self._preview_number += 1
                self._preview = (self._preview_number, None)
                if self._state == "running":
                    self._detail = "reset; waiting for the next frame"
        self._notify()

    def snapshot(self) -> Snapshot:
        """Return the numbers as they are now."""
        stacker = self.stacker
        with self._lock:
            ended = self._state not in ("idle", "running")
            until = self._ended if ended else time.monotonic()
            elapsed_s = until - self._began if self._began else 0.0
            last = self._reports[-1] if self._reports else None
            stacked = last["frames_stacked"] if last else stacker.frames_stacked
            total = last["frames_total"] if last else stacker.frames_total
            return Snapshot(
                state=self._state,
                detail=self._detail,
                frames_wanted=self.frames,
                frames_stacked=stacked,
                frames_total=total,
                frames_rejected=total - stacked,
                frames_waiting=self._intake.waiting,
                snr_gain=stacked**0.5,
                last_report=last,
                last_reasons=tuple(report["reason"] for report in self._reports),
                preview_number=self._preview_number,
                elapsed_s=elapsed_s,
                left_s=None if ended else seconds_left(elapsed_s, stacked, self.frames),
            )

    def preview(self, *, max_px: int = 720) -> bytes | None:
        """Return the stretched stack as PNG, made once for each preview number.

        Parameters
        ----------
        max_px : int, default 720
            Longest side. The first caller of each number decides.

        Returns
        -------
        bytes or None
            None before the first preview.
        """
        with self._lock:
            number, png = self._preview
            wanted = self._preview_number
        if number != wanted:
            png = self.stacker.preview_png(max_px)
            with self._lock:
                self._preview = wanted, png
        return png

    def observe(self, callback: Callable[[Snapshot], None]) -> None:
        """Call `callback` with a snapshot after each frame, each hitch and at the end.

        It runs in the session's own threads, so it should be quick. What it raises is
        logged and does not disturb the session.
        """
        self._observers.append(callback)

    def tell(self, detail: str) -> None:
        """Say what hinders the session, in its snapshots and as its `trouble`.

        Parameters
        ----------
        detail : str
            In words for the user. After the end nothing changes any more.
        """
        with self._lock:
            if self._ended:
                return
            self._detail = self.trouble = detail
        self._notify()

    @property
    def error(self) -> Exception | None:
        """What ended the session early; None without such."""
        return self._failure or self._intake.error

    def _arriving(self) -> Iterator[Item]:
        """Yield what the source yields, saved where that is wanted; the first thread's work."""
        try:
            for item in persistent(
                self.source, stopping=self._stopping, tell=self.tell, give_up_s=self._give_up_s
            ):
                self.trouble = None
                yield self._saved(item)
        except Exception:
            if not self._stopping.is_set():
                raise

    def _stack(self) -> None:
        """Stack what was read until the session ends; the second thread's work."""
        try:
            while not (self._is_over() or self._intake.is_exhausted()):
                try:
                    item = self._intake.take()
                except queue.Empty:
                    continue
                self._stack_one(item)
        except Exception as error:
            logger.exception("stacking failed")
            self._failure = error
        finally:
            stopped = self._stopping.is_set()
            self._stopping.set()
            self._stop_source()
            self._intake.close()
            self._end(stopped=stopped)
            self._over.set()

    def _stack_one(self, item: Item) -> None:
        with self._stacking:
            report = verdict(self.stacker, item)
            with self._lock:
                self._reports.append(report)
                self._detail = report["reason"]
                self._unseen += report["accepted"]
                if self._unseen >= self.preview_every:
                    self._preview_number += 1
                    self._unseen = 0
        self._notify()

    def _is_over(self) -> bool:
        return self.frames is not None and self.stacker.frames_stacked >= self.frames

    def _end(self, *, stopped: bool) -> None:
        stacked = self.stacker.frames_stacked
        with self._lock:
            self._ended = time.monotonic()
            if self._is_over():
                self._state, self._detail = "finished", f"{stacked} frames stacked"
            elif self.error is not None:
                self._state, self._detail = "failed", str(self.error) or repr(self.error)
            elif stopped:
                self._state, self._detail = "stopped", f"stopped with {stacked} frames stacked"
            else:
                self._state = "finished"
                self._detail = f"no more frames, {stacked} frames stacked"
        self._notify()

    def _stop_source(self) -> None:
        try:
            stop_source(self.source)
        except Exception:
            logger.exception("the source of frames could not be stopped")

    def _saved(self, item: Item) -> Item:
        """Save a frame where that is wanted; it then bears the name of its file."""
        if self._sub_frames is None or not isinstance(item, Frame):
            return item
        try:
            return self._sub_frames.save(item)
        except Exception as error:
            logger.debug("a sub-frame could not be saved", exc_info=True)
            self.tell(f"a sub-frame could not be saved: {error}")
            return item

    def _notify(self) -> None:
        snapshot = self.snapshot()
        for observer in tuple(self._observers):
            try:
                observer(snapshot)
            except Exception:
                logger.exception("an observer of the session failed")
