"""CaptureSession with real threads: ends as it should, loses nothing, leaves nothing."""

import io
import logging
import threading
import time

import numpy as np
import pytest
from PIL import Image

from seestack import (
    CaptureSession,
    Frame,
    LiveStacker,
    SourceError,
    UnreadableFrameError,
    read_frame,
)
from seestack.simulation import random_field, simulate_frame

SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)
IMAGES = [simulate_frame(FIELD, SHAPE, seed=n) for n in range(12)]


pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")


class Camera:
    """A source that exposes, can be interrupted and can be lost."""

    def __init__(self, exposure_s=0.02, lost_at=(), permanent=False):
        self.exposure_s, self.lost_at, self.permanent = exposure_s, set(lost_at), permanent
        self.taken = self.connections = 0
        self.stopped = threading.Event()

    def __iter__(self):
        self.connections += 1
        while not self.stopped.wait(self.exposure_s):
            if self.taken in self.lost_at:
                self.lost_at.remove(self.taken)
                error = SourceError("camera 0: connection reset")
                error.permanent = self.permanent
                raise error
            self.taken += 1
            yield IMAGES[self.taken % len(IMAGES)]

    def stop(self):
        self.stopped.set()


def run(source, **options):
    session = CaptureSession(source, **options)
    session.start()
    return session, session.wait(20)


def test_ends_after_the_wanted_number_of_accepted_frames():
    session, seen = run(Camera(), frames=5)
    assert (seen.state, seen.detail) == ("finished", "5 frames stacked")
    assert (seen.frames_stacked, seen.frames_total, seen.frames_rejected) == (5, 5, 0)
    assert seen.snr_gain == pytest.approx(5**0.5)
    assert seen.last_report["reason"] == "stacked"
    assert seen.last_reasons == ("reference frame",) + ("stacked",) * 4
    assert session.source.stopped.is_set()
    assert session.stacker.stack.coverage.max() == 5


def test_rejected_frames_do_not_count():
    flat = np.full(SHAPE, 800.0)
    _, seen = run([IMAGES[0], flat, IMAGES[1], flat[:-1], IMAGES[2], IMAGES[3]], frames=3)
    assert seen.state == "finished"
    assert (seen.frames_stacked, seen.frames_total, seen.frames_rejected) == (3, 5, 2)


def test_a_source_that_ends_finishes_the_session():
    _, seen = run(iter(IMAGES[:3]), frames=20)
    assert (seen.state, seen.detail) == ("finished", "no more frames, 3 frames stacked")


def test_what_is_no_frame_is_a_row_and_not_the_end():
    unreadable = UnreadableFrameError("night/7.fit: it is cut short", source="night/7.fit")
    session, seen = run([IMAGES[0], unreadable, np.zeros(7), IMAGES[1]], frames=None)
    assert seen.state == "finished"
    assert seen.frames_stacked == 2
    reasons = [report["reason"] for report in session.stacker.reports]
    assert reasons[1] == "night/7.fit: it is cut short"
    assert "shape (7,)" in reasons[2]
    assert session.stacker.reports[1]["source"] == "night/7.fit"


def test_stop_answers_within_a_second_in_mid_exposure():
    session = CaptureSession(Camera(exposure_s=60.0))
    session.start()
    time.sleep(0.1)
    began = time.monotonic()
    seen = session.stop(timeout_s=5)
    assert time.monotonic() - began < 1.0
    assert (seen.state, seen.detail) == ("stopped", "stopped with 0 frames stacked")


def test_what_was_read_before_the_stop_is_stacked():
    camera = Camera(exposure_s=0.01)
    session = CaptureSession(camera, frames=None)
    session.start()
    while session.snapshot().frames_stacked < 3:
        time.sleep(0.01)
    seen = session.stop(timeout_s=5)
    assert seen.state == "stopped"
    assert seen.frames_total == camera.taken


def test_states_before_and_after():
    session = CaptureSession(Camera())
    assert session.snapshot().state == "idle"
    assert session.preview() is None
    session.start()
    with pytest.raises(RuntimeError, match="starts once, and this one is running"):
        session.start()
    session.stop(timeout_s=5)
    with pytest.raises(RuntimeError, match="starts once, and this one is stopped"):
        session.start()
    never = CaptureSession(Camera())
    assert never.stop().state == "stopped"


def test_a_lost_camera_is_taken_up_again_and_the_stack_is_kept():
    camera, details = Camera(lost_at=[2, 4]), []
    session = CaptureSession(camera, frames=6)
    session.observe(lambda seen: details.append(seen.detail))
    session.start()
    seen = session.wait(20)
    assert (seen.state, seen.frames_stacked) == ("finished", 6)
    assert camera.connections == 3
    assert details.count("camera 0: connection reset; trying again in 1 s") == 2
    assert 2.0 < seen.elapsed_s < 6.0


@pytest.mark.parametrize(("lost_at", "permanent"), [([0], False), ([3], True)])
def test_a_camera_that_never_answered_or_never_will_fails_the_session(lost_at, permanent, caplog):
    caplog.set_level(logging.CRITICAL)
    session, seen = run(Camera(lost_at=lost_at, permanent=permanent))
    assert (seen.state, seen.detail) == ("failed", "camera 0: connection reset")
    assert isinstance(session.error, SourceError)
    assert seen.frames_stacked == lost_at[0]


def test_a_camera_that_stays_away_fails_the_session_after_a_while(caplog):
    caplog.set_level(logging.CRITICAL)

    class Dying(Camera):
        def __iter__(self):
            if self.taken == 0:
                self.taken = 1
                yield IMAGES[0]
            raise SourceError("camera 0: no route")

    _, seen = run(Dying(), give_up_s=0.5)
    assert (seen.state, seen.detail) == ("failed", "camera 0: no route")
    assert seen.frames_stacked == 1


def test_any_other_failure_of_a_source_is_shown(caplog):
    caplog.set_level(logging.CRITICAL)

    def broken():
        yield IMAGES[0]
        raise ZeroDivisionError("a bug of the user")

    session, seen = run(broken())
    assert (seen.state, seen.detail) == ("failed", "a bug of the user")
    assert isinstance(session.error, ZeroDivisionError)
    assert session.stacker.frames_stacked == 1


def test_an_observer_cannot_break_the_session(caplog):
    session = CaptureSession(Camera(), frames=4)
    counts = []

    def observe(seen):
        counts.append(seen.frames_stacked)
        raise ValueError("a bug of the observer")

    session.observe(observe)
    session.start()
    assert session.wait(20).state == "finished"
    assert counts == [1, 2, 3, 4, 4]
    assert "a bug of the observer" in caplog.text


def test_snapshots_are_frozen():
    session, seen = run(Camera(), frames=2)
    with pytest.raises(AttributeError):
        seen.state = "idle"
    assert session.snapshot() == seen


def test_preview_is_made_once_for_every_few_accepted_frames():
    camera = Camera(exposure_s=0.05)
    session, numbers = CaptureSession(camera, frames=6, preview_every=3), []
    session.observe(lambda seen: numbers.append(seen.preview_number))
    session.start()
    session.wait(20)
    assert numbers == [0, 0, 1, 1, 1, 2, 2]
    png = session.preview(max_px=90)
    assert session.preview(max_px=90) is png
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (90, 60)


def test_a_rejected_frame_makes_no_new_preview():
    flat = np.full(SHAPE, 800.0)
    session, numbers = CaptureSession([IMAGES[0], flat, flat, IMAGES[1]], frames=2), []
    session.observe(lambda seen: numbers.append(seen.preview_number))
    session.start()
    session.wait(20)
    assert numbers == [1, 1, 1, 2, 2]


def test_a_slow_stacker_holds_the_source_back():
    class Slow(LiveStacker):
        def add_frame(self, frame):
            time.sleep(0.1)
            return super().add_frame(frame)

    camera, ahead = Camera(exposure_s=0.001), []
    session = CaptureSession(camera, Slow(), frames=8)
    session.observe(lambda seen: ahead.append(camera.taken - seen.frames_total))
    session.start()
    seen = session.wait(20)
    assert seen.frames_stacked == 8
    assert 1 <= max(ahead) <= 4


def test_reading_overlaps_with_stacking():
    camera, during = Camera(exposure_s=0.05), []

    class Slow(LiveStacker):
        def add_frame(self, frame):
            before = camera.taken
            time.sleep(0.3)
            during.append(camera.taken - before)
            return super().add_frame(frame)

    run(camera, stacker=Slow(), frames=5)
    assert max(during) >= 1


def test_a_source_that_cannot_be_stopped_does_not_hold_the_session(caplog):
    caplog.set_level(logging.CRITICAL)

    class Stubborn(Camera):
        def stop(self):
            super().stop()
            raise OSError("net gone")

    _, seen = run(Stubborn(), frames=3)
    assert (seen.state, seen.frames_stacked) == ("finished", 3)


def test_a_generator_that_sits_in_its_next_frame_does_not_hold_the_end():
    release = threading.Event()

    def sitting():
        yield from IMAGES[:3]
        release.wait(10)

    began = time.monotonic()
    _, seen = run(sitting(), frames=3)
    assert (seen.state, seen.frames_stacked) == ("finished", 3)
    assert time.monotonic() - began < 5
    release.set()


def test_an_error_that_the_stop_causes_is_no_failure():
    class Dropping(Camera):
        def __iter__(self):
            self.stopped.wait(10)
            raise SourceError("camera 0: connection reset")
            yield

    session = CaptureSession(Dropping())
    session.start()
    time.sleep(0.1)
    assert session.stop(timeout_s=5).state == "stopped"
    assert session.error is None


def test_counts_of_a_snapshot_belong_together():
    session, wrong, done = CaptureSession(Camera(exposure_s=0.005), frames=12), [], False

    def poll():
        while not done:
            seen = session.snapshot()
            if not 0 <= seen.frames_stacked <= seen.frames_total or seen.frames_rejected < 0:
                wrong.append(seen)
            if session.stacker.frames_rejected < 0:
                wrong.append("stacker")

    thread = threading.Thread(target=poll)
    thread.start()
    session.start()
    session.wait(20)
    done = True
    thread.join()
    assert wrong == []


def test_every_sub_frame_can_be_saved(tmp_path):
    frames = [Frame(image.astype(np.uint16), exposure_s=10.0) for image in IMAGES[:3]]
    flat = Frame(np.full(SHAPE, 800, np.uint16))
    _, seen = run([*frames, flat], frames=None, save_to=tmp_path / "subs")
    assert seen.frames_stacked == 3
    saved = sorted((tmp_path / "subs").iterdir())
    assert len(saved) == 4
    np.testing.assert_array_equal(read_frame(saved[0]).image, frames[0].image)


def test_saving_again_into_the_same_folder_replaces_nothing(tmp_path):
    for _ in range(2):
        run([Frame(image) for image in IMAGES[:2]], frames=None, save_to=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_sub_frames_that_cannot_be_saved_do_not_end_the_session(tmp_path):
    (tmp_path / "subs").write_text("a file where the folder should be")
    details = []
    session = CaptureSession(
        [Frame(image) for image in IMAGES[:3]], frames=3, save_to=tmp_path / "subs"
    )
    session.observe(lambda seen: details.append(seen.detail))
    session.start()
    assert session.wait(20).state == "finished"
    assert any("a sub-frame could not be saved" in detail for detail in details)


def test_time_left_is_estimated():
    session, left = CaptureSession(Camera(exposure_s=0.1), frames=6), []
    session.observe(lambda seen: left.append(seen.left_s))
    session.start()
    session.wait(20)
    assert left[-1] is None
    assert left[0] > left[3] > 0


@pytest.mark.parametrize("option", ["frames", "preview_every", "give_up_s"])
def test_options_are_checked(option):
    with pytest.raises(ValueError, match=f"{option} must be positive, got 0"):
        CaptureSession([], **{option: 0})


def test_reset_forgets_the_frames_and_goes_on():
    session = CaptureSession(Camera(exposure_s=0.05), frames=12)
    session.start()
    while session.snapshot().frames_stacked < 2:
        time.sleep(0.01)
    before = session.snapshot().preview_number
    session.reset()
    seen = session.snapshot()
    assert seen.frames_total <= 1
    assert seen.preview_number > before
    seen = session.wait(20)
    assert (seen.state, seen.frames_stacked) == ("finished", 12)
    assert session.stacker.reports[0]["reason"] == "reference frame"


def test_trouble_is_told_while_it_lasts():
    camera = Camera(lost_at={2})
    session = CaptureSession(camera, frames=4)
    session.start()
    while session.trouble is None:
        time.sleep(0.005)
    assert session.trouble.startswith("camera 0: connection reset; trying again")
    assert session.wait(20).state == "finished"
    assert session.trouble is None
