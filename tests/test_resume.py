"""Sessions killed at random moments, and disks that are full, as a user meets them.

The killed programs are real processes, ended by SIGKILL. They are forked from a server
that has imported seestack before, which saves each its start.
"""

import csv
import multiprocessing
import os
import subprocess
import threading
import time

import numpy as np
import pytest
from astropy.io import fits

from seestack import CaptureSession, Frame, LiveStacker, Transform, read_frame
from seestack.cli import main
from seestack.recording import Recorder
from seestack.resuming import SavedFirst, resume, saved_since
from seestack.simulation import random_field, simulate_frame
from seestack.sources.folder import FolderSource
from seestack.storage.checkpoint import read_checkpoint

SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)
OTHER = random_field(SHAPE, 60, seed=77, faintest_adu=3_000.0)
KILLS = 10


def pixels(n, field=FIELD):
    motion = Transform.rigid(rotation_deg=0.05 * n, shift_px=(0.4 * n, -0.3 * n))
    return simulate_frame(field, SHAPE, transform=motion, seed=n).round().astype(np.uint16)


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    """Forty frames: a reference that is dropped, clouds, junk, and good ones."""
    folder = tmp_path_factory.mktemp("night") / "lights"
    folder.mkdir()
    for n in range(40):
        image = pixels(n, OTHER if n == 0 else FIELD)
        if n % 9 == 8:
            image = np.random.default_rng(n).normal(900, 10, SHAPE).astype(np.uint16)
        cards = fits.Header({"EXPTIME": 10.0, "DATE-OBS": f"2026-04-09T21:{n:02d}:00.5"})
        fits.writeto(folder / f"light_{n}.fit", image, cards)
    (folder / "light_13.fit").write_text("this is not a picture")
    return folder


@pytest.fixture(scope="module")
def whole(lights, tmp_path_factory):
    """The folder of a session that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["stack", str(lights), "-o", str(out), "-q"]) == 0
    return out


@pytest.fixture(scope="module")
def processes():
    """A maker of processes that have seestack imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["seestack.cli", "seestack.resuming", "astropy.io.fits"])
    return context


def rows_of(folder):
    with (folder / "frames.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lines_of(folder):
    """Return how many rows the table has, one that is being written included."""
    path = folder / "frames.csv"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def assert_same_results(out, whole):
    assert (out / "frames.csv").read_bytes() == (whole / "frames.csv").read_bytes()
    with (
        fits.open(out / "stack.fits", checksum=True) as ours,
        fits.open(whole / "stack.fits") as theirs,
    ):
        assert [unit.name for unit in ours] == [unit.name for unit in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.data.tobytes() == other.data.tobytes(), one.name
        assert list(ours[0].header["HISTORY"]) == list(theirs[0].header["HISTORY"])
        assert ours[0].header["DATE-AVG"] == theirs[0].header["DATE-AVG"]
    assert not [path for path in out.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("seed", range(5))
def test_a_session_killed_ten_times_ends_as_if_nothing_had_happened(
    seed, lights, whole, processes, tmp_path
):
    out = tmp_path / "out"
    rng = np.random.default_rng(seed)
    arguments = ["stack", str(lights), "-o", str(out), "-q", "--resume"]
    reached = []
    for further, delay_s in zip(
        rng.integers(0, 12, KILLS), rng.uniform(0.0, 0.05, KILLS), strict=True
    ):
        process = processes.Process(target=main, args=(arguments,))
        process.start()
        wanted = lines_of(out) + further
        while process.is_alive() and lines_of(out) < wanted:
            time.sleep(0.001)
        process.join(delay_s)
        process.kill()
        process.join()
        if (out / "session.checkpoint").exists():
            reached.append(read_checkpoint(out / "session.checkpoint").stacker.frames_total)
            rows = rows_of(out)
            assert len(rows) >= reached[-1]
            assert len({row["source"] for row in rows}) == len(rows)
    assert reached == sorted(reached), "a later session stood before an earlier one"
    assert set(reached) - {0, 40}, "no kill met a session in its middle"
    process = processes.Process(target=main, args=(arguments,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert_same_results(out, whole)


def test_more_frames_can_follow_later(lights, whole, tmp_path, capsys):
    files = sorted(lights.iterdir(), key=lambda path: int(path.stem.split("_")[1]))
    arguments = ["-o", str(tmp_path / "out"), "--resume"]
    assert main(["stack", *map(str, files[:17]), *arguments]) == 0
    assert "is not there; starting anew" in capsys.readouterr().err
    assert main(["stack", *map(str, files[17:]), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "resumed with 17 frames" in printed
    assert "18/40  light_17.fit" in printed
    assert_same_results(tmp_path / "out", whole)
    # Once more: everything has its verdict.
    assert main(["stack", str(lights), *arguments]) == 0
    assert_same_results(tmp_path / "out", whole)


def test_a_checkpoint_that_does_not_fit_is_refused_and_kept(lights, whole, tmp_path, capsys):
    path = tmp_path / "session.checkpoint"
    arguments = ["stack", str(lights), "-o", str(tmp_path), "--resume"]
    path.write_bytes((whole / "session.checkpoint").read_bytes())
    assert main([*arguments, "--clip", "3"]) == 2
    assert f"{path}: was made with clip = 4.0 and is now 3.0" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-1000])
    before = path.read_bytes()
    assert main(arguments) == 2
    assert f"{path}: is damaged or cut short" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["session.checkpoint"]


def test_starting_anew_never_takes_an_older_session_for_its_own(lights, tmp_path, capsys):
    lost = CaptureSession([Frame(pixels(n)) for n in range(3)], frames=None)
    recorder = Recorder(lost, tmp_path)
    recorder.begin()
    for n in range(3):
        lost.stacker.add_frame(pixels(n))
    recorder._attempt_checkpoint()  # and then the power went
    assert main(["stack", str(lights / "light_1.fit"), "-o", str(tmp_path), "-q"]) == 0
    assert "held a session of 3 frames, kept as previous.checkpoint" in capsys.readouterr().err
    for name, frames in (("session", 1), ("previous", 3)):
        found = read_checkpoint(tmp_path / f"{name}.checkpoint")
        assert found.stacker.frames_total == frames
    # A session that ended has its results: it is not kept.
    assert main(["stack", str(lights / "light_1.fit"), "-o", str(tmp_path), "-q"]) == 0
    assert "held" not in capsys.readouterr().err


def test_checkpoints_can_be_turned_off(lights, tmp_path):
    arguments = ["stack", str(lights / "light_1.fit"), "-o", str(tmp_path / "out"), "-q"]
    assert main(arguments) == 0
    assert (tmp_path / "out" / "session.checkpoint").exists()
    (tmp_path / "off.yaml").write_text("output: {checkpoint: false}")
    assert main([*arguments, "--config", str(tmp_path / "off.yaml")]) == 0
    # Neither a new one, nor that of the session before, which --resume would take.
    assert not list((tmp_path / "out").glob("*.checkpoint"))
    assert len(rows_of(tmp_path / "out")) == 1


def test_a_watched_folder_goes_on_after_what_it_had(lights, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    files = [lights / f"light_{n}.fit" for n in range(1, 8)]
    first = CaptureSession([read_frame(path) for path in files[:4]], frames=None)
    recorder = Recorder(first, out)
    recorder.begin()
    first.start()
    first.wait()
    recorder.finish()
    night = tmp_path / "night"
    night.mkdir()
    source = FolderSource(lights, follow=False, debounce_s=0.05, give_up_s=0.1, poll_s=0.1)
    found = resume(out, LiveStacker())
    source.pass_over(found.inputs)
    taken = [frame.source for frame in source]
    assert len(taken) == 40 - 4
    assert not {str(path) for path in files[:4]} & set(taken)


def test_sub_frames_saved_before_a_break_are_stacked_after_it(tmp_path):
    subs = tmp_path / "subs"
    subs.mkdir()
    fits.writeto(subs / "sub_0_of_an_older_session.fits", pixels(30))
    os.utime(subs / "sub_0_of_an_older_session.fits", (1e9, 1e9))
    frames = [Frame(pixels(n), exposure_s=10.0, source="camera 0") for n in range(9)]
    first = CaptureSession(frames[:6], frames=None, save_to=subs)
    recorder = Recorder(first, tmp_path)
    recorder.begin()
    recorder._is_due = lambda: first.stacker.frames_total == 3  # the one before the crash
    first.start()
    assert first.wait().frames_stacked == 6
    found = resume(tmp_path, LiveStacker())
    assert found.stacker.frames_total == 3
    saved = saved_since(tmp_path, found)
    assert [path.name for path in saved] == [f"sub_undated_{n:05d}.fits" for n in (4, 5, 6)]
    camera = SavedFirst(saved, frames[6:])
    second = CaptureSession(camera, found.stacker, frames=None, save_to=subs)
    second.start()
    assert second.wait().frames_stacked == 9
    assert len(list(subs.iterdir())) == 1 + 9
    undisturbed = LiveStacker()
    for frame in frames:
        undisturbed.add_frame(frame)
    assert found.stacker.stack.mean.tobytes() == undisturbed.stack.mean.tobytes()
    assert found.stacker.stack.m2.tobytes() == undisturbed.stack.m2.tobytes()


class Slow:
    """Frames that arrive one by one when they are asked for."""

    def __init__(self, count, more=""):
        self.count, self.more, self.go = count, more, threading.Semaphore(0)

    def __iter__(self):
        for n in range(self.count):
            self.go.acquire()
            yield Frame(pixels(n), source=f"frame_{n}{self.more}")


def after(session, frames):
    deadline = time.monotonic() + 20
    while session.snapshot().frames_total < frames:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_table_grows_with_every_frame(tmp_path):
    source = Slow(4)
    session = CaptureSession(source, frames=None)
    recorder = Recorder(session, tmp_path)
    recorder.begin()
    counts = []
    session.observe(lambda seen: counts.append((len(rows_of(tmp_path)), seen.frames_total)))
    assert rows_of(tmp_path) == []
    session.start()
    for _ in range(4):
        source.go.release()
    session.wait()
    assert counts[:4] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert [row["source"] for row in rows_of(tmp_path)] == [f"frame_{n}" for n in range(4)]


def test_a_reset_is_on_the_disk_at_once(tmp_path):
    source = Slow(3)
    session = CaptureSession(source, frames=None)
    recorder = Recorder(session, tmp_path)
    recorder.begin()
    recorder._is_due = lambda: True
    session.start()
    source.go.release()
    source.go.release()
    after(session, 2)
    deadline = time.monotonic() + 20
    while len(rows_of(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    recorder._is_due = lambda: False
    session.reset()
    assert rows_of(tmp_path) == []
    assert read_checkpoint(recorder.path).stacker.frames_total == 0
    source.go.release()
    session.wait()
    assert len(rows_of(tmp_path)) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes, or skip."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a full file system needs the right to mount one: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass


def test_a_full_disk_ends_no_session_and_is_used_again(small_disk):
    source = Slow(30, more=" of a long name" * 20)  # rows that soon fill a block of the disk
    session = CaptureSession(source, frames=None)
    recorder = Recorder(session, small_disk)
    recorder.begin()
    recorder._is_due = lambda: True
    troubles = []
    session.observe(lambda seen: troubles.append(session.trouble))
    session.start()
    for _ in range(3):
        source.go.release()
    after(session, 3)
    time.sleep(0.3)
    fill(small_disk / "other")
    for _ in range(24):
        source.go.release()
    after(session, 27)
    time.sleep(0.3)
    assert session.snapshot().state == "running"
    assert any("No space left on device" in trouble for trouble in troubles if trouble)
    # What is there is whole: a checkpoint of some frames, a table without half rows.
    assert read_checkpoint(recorder.path).stacker.frames_total == 3
    rows = rows_of(small_disk)
    assert 3 <= len(rows) < 27
    assert all(row["frames_total"] == str(n + 1) for n, row in enumerate(rows))
    (small_disk / "other").unlink()
    for _ in range(3):
        source.go.release()
    assert session.wait(20).frames_stacked == 30
    recorder.finish()
    assert len(rows_of(small_disk)) == 30
    assert read_checkpoint(recorder.path).stacker.frames_total == 30
