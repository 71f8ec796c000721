"""A frame that is switched off might never have come; a second pass judges every sample."""

import csv

import numpy as np
import pytest
from astropy.io import fits

from seestack import (
    CaptureSession,
    Frame,
    LiveStacker,
    Transform,
    UnreadableFrameError,
    compare_stacks,
    exact_stack,
    read_checkpoint,
    restack,
)
from seestack.cli import main
from seestack.recording import Recorder
from seestack.restacking import MissingFramesError
from seestack.simulation import random_field, simulate_frame

SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)
OTHER = random_field(SHAPE, 60, seed=77, faintest_adu=3_000.0)
COUNT = 10


def pixels(n, field=FIELD, **changed):
    motion = Transform.rigid(rotation_deg=0.2 * n, shift_px=(1.4 * n, -0.6 * n))
    return simulate_frame(field, SHAPE, transform=motion, seed=n, **changed).astype(np.float32)


@pytest.fixture(scope="module")
def inputs():
    """Ten inputs: a reference that is dropped, one unreadable, one of noise, a trail."""
    frames = [Frame(pixels(n, OTHER if n == 0 else FIELD), 10.0) for n in range(COUNT)]
    frames[4] = UnreadableFrameError("4.fit: is cut short", source="4.fit")
    frames[6] = Frame(np.random.default_rng(6).normal(900, 10, SHAPE))
    frames[8].image[30:32, 20:150] += 700.0
    return frames


def stacker_of(inputs, **options):
    st = LiveStacker(**options)
    for item in inputs:
        st.add_frame(item)
    return st


def assert_same(one, other):
    for name in ("mean", "weight", "m2", "coverage"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.frames == other.frames
    for name in ("high", "low", "high_frame", "low_frame", "weights"):
        ours, theirs = (getattr(stack.extremes, name) for stack in (one, other))
        assert ours.tobytes() == theirs.tobytes(), name


@pytest.mark.parametrize("absent", [(0,), (1,), (4,), (6,), (8,), (0, 1, 9), (2, 3)])
def test_without_a_frame_the_stack_is_that_of_a_session_it_never_reached(inputs, absent):
    st = stacker_of(inputs)
    before = st.running_stack
    again = restack(st, without=absent, frames=inputs)
    never = stacker_of([item for n, item in enumerate(inputs) if n not in absent])
    assert_same(again.running_stack, never.running_stack)
    assert again.stack.mean.tobytes() == never.stack.mean.tobytes()
    assert again.frames_stacked == never.frames_stacked
    assert again.observation.total_exposure_s == never.observation.total_exposure_s
    # Every input has its row; the old stack is as it was.
    rows = again.reports
    assert [row["index"] for row in rows] == list(range(COUNT))
    assert [n for n, row in enumerate(rows) if row["rejection"] == "switched_off"] == list(absent)
    assert_same(st.running_stack, before)


def test_a_frame_comes_back_when_it_is_switched_on(inputs):
    st = stacker_of(inputs)
    fewer = restack(st, without=[8, 2], frames=inputs)
    assert fewer.stack.mean.tobytes() != st.stack.mean.tobytes()
    one = restack(fewer, again=[2], frames=inputs)
    assert one.reports[2]["accepted"]
    assert not one.reports[8]["accepted"]
    both = restack(fewer, again=[2, 8], frames=inputs)
    assert_same(both.running_stack, st.running_stack)
    assert both.stack.mean.tobytes() == st.stack.mean.tobytes()
    assert both.reports == st.reports
    assert_same(restack(fewer, only=range(COUNT), frames=inputs).running_stack, st.running_stack)
    assert restack(st, only=[1, 2, 3], frames=inputs).frames_stacked == 3


def test_mistakes_are_named_and_change_nothing(inputs):
    st = stacker_of(inputs[:3])
    with pytest.raises(ValueError, match="there is no frame 3; they are numbered 0 to 2"):
        restack(st, without=[3], frames=inputs[:3])
    with pytest.raises(ValueError, match=r"'x.fit' is no frame of the session"):
        restack(st, without=["x.fit"], frames=inputs[:3])
    with pytest.raises(ValueError, match="only names all frames that are on"):
        restack(st, only=[1], without=[2], frames=inputs[:3])
    with pytest.raises(ValueError, match="one item for each of the 3 reports, got 2"):
        restack(st, frames=inputs[:2])
    with pytest.raises(MissingFramesError, match=r"3 of 3 frames never were files.*--save-subs"):
        restack(st)
    with pytest.raises(ValueError, match="the stack is empty"):
        exact_stack(LiveStacker())
    twins = LiveStacker()
    for folder in ("a", "b"):
        twins.reject("cannot be read", source=f"{folder}/1.fit")
    with pytest.raises(ValueError, match="is the name of 2 frames; give its path or its number"):
        restack(twins, without=["1.fit"])


@pytest.fixture(scope="module")
def lights(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("night") / "lights"
    folder.mkdir()
    for n, frame in enumerate(inputs):
        if isinstance(frame, Frame):
            cards = fits.Header({"EXPTIME": 10.0, "DATE-OBS": f"2026-04-09T21:{n:02d}:00.5"})
            fits.writeto(folder / f"light_{n}.fit", frame.image.astype(np.float32), cards)
        else:
            (folder / f"light_{n}.fit").write_text("this is not a picture")
    return folder


def rows_of(folder):
    with (folder / "frames.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def images_of(folder):
    with fits.open(folder / "stack.fits", checksum=True) as units:
        return [unit.data.tobytes() for unit in units], units[0].header["TOTALEXP"]


def test_the_command_switches_frames_off_and_on(lights, tmp_path, capsys):
    out, never = tmp_path / "out", tmp_path / "never"
    assert main(["stack", str(lights), "-o", str(out), "-q"]) == 0
    before, rows_before = images_of(out), rows_of(out)
    assert main(["restack", str(out), "--without", "light_8.fit", "2", "-q"]) == 0
    left = [str(lights / f"light_{n}.fit") for n in range(COUNT) if n not in (2, 8)]
    assert main(["stack", *left, "-o", str(never), "-q"]) == 0
    assert images_of(out) == images_of(never)
    rows = rows_of(out)
    assert [row["index"] for row in rows if row["rejection"] == "switched_off"] == ["2", "8"]
    assert rows[8]["start"].startswith("2026-04-09T21:08:00.5")
    assert "seestack restack --with" in rows[8]["hint"]
    # A frame that is off stays off when the session goes on.
    assert main(["stack", str(lights), "-o", str(out), "-q", "--resume"]) == 0
    assert images_of(out) == images_of(never)
    assert main(["restack", str(out), "--with", str(lights / "light_8.fit"), "2", "-q"]) == 0
    assert images_of(out) == before
    assert rows_of(out) == rows_before
    assert read_checkpoint(out / "session.checkpoint").stacker.frames_stacked == COUNT - 3


def test_the_command_writes_the_exact_stack_beside_the_live_one(lights, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["stack", str(lights), "-o", str(out), "-q"]) == 0
    before = (out / "stack.fits").read_bytes()
    assert main(["restack", str(out), "--exact", "-q"]) == 0
    printed = capsys.readouterr().out
    assert "pixels differ, by" in printed
    assert "samples left out, by the live stack" in printed
    assert (out / "stack.fits").read_bytes() == before
    with fits.open(out / "exact.fits") as units:
        assert "every sample judged in a second pass" in list(units[0].header["HISTORY"])
        assert units["REJECTED"].data.sum() > 200
    assert main(["restack", str(out), "--without", "1", "-q"]) == 0
    assert not (out / "exact.fits").exists(), "of another stack"


def test_a_frame_that_is_gone_is_named_before_anything_changes(lights, tmp_path, capsys):
    files = [lights / f"light_{n}.fit" for n in (1, 2, 3)]
    copies = [tmp_path / path.name for path in files]
    for path, copy in zip(files, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    out = tmp_path / "out"
    assert main(["stack", *map(str, copies), "-o", str(out), "-q"]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    copies[2].unlink()
    assert main(["restack", str(out), "--without", "1", "-q"]) == 2
    assert f"1 of 2 frames are not there, such as {copies[2]}" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert main(["restack", str(out), "--without", "light_3.fit", "-q"]) == 0
    assert len(rows_of(out)) == 3


def test_sub_frames_that_were_not_kept_are_told(tmp_path, capsys):
    frames = [Frame(pixels(n), source="camera 0") for n in range(3)]
    for folder, kept in ((tmp_path / "kept", True), (tmp_path / "not", False)):
        folder.mkdir()
        session = CaptureSession(frames, frames=None, save_to=folder / "subs" if kept else None)
        recorder = Recorder(session, folder)
        recorder.begin()
        session.start()
        session.wait()
        recorder.finish()
    assert main(["restack", str(tmp_path / "not"), "--without", "1"]) == 2
    error = capsys.readouterr().err
    assert "2 of 2 frames are not there, such as camera 0" in error
    assert "they were not kept; a session keeps them with --save-subs" in error
    assert main(["restack", str(tmp_path / "kept"), "--without", "1", "-q"]) == 0
    never = stacker_of([frames[0], frames[2]])
    found = read_checkpoint(tmp_path / "kept" / "session.checkpoint").stacker
    assert_same(found.running_stack, never.running_stack)


@pytest.mark.parametrize("options", [{}, {"weighting": None, "normalize": None}])
def test_a_second_pass_that_judges_nothing_gives_the_same_stack(inputs, options):
    st = stacker_of(inputs, clip=None, **options)
    exact = exact_stack(st, frames=inputs)
    # Bit for bit: the frames are laid, matched and weighed as they were.
    for name in ("mean", "weight", "m2", "coverage"):
        assert getattr(exact, name).tobytes() == getattr(st.running_stack, name).tobytes()
    assert compare_stacks(st.stack, exact).pixels == 0


def test_a_second_pass_finds_what_more_frames_have_in_a_pixel():
    """Six of thirty frames have a trail in the same pixels: three extremes cannot hold it."""
    images = [simulate_frame(FIELD, SHAPE, seed=n) for n in range(30)]
    truth = stacker_of(images).stack
    line = (slice(50, 51), slice(60, 140))
    for image in images[3:9]:
        image[line] += 1_500.0
    st = stacker_of(images)
    exact = exact_stack(st, frames=images)
    assert (st.stack.mean - truth.mean)[line].mean() > 200
    assert exact.rejected[line].mean() == pytest.approx(6, abs=0.1)
    assert exact.rejected_of_frame[3:9].min() >= 79
    assert exact.rejected_of_frame.sum() == exact.rejected.sum()
    # Left are 24 of 30 samples, whose mean scatters against that of 30.
    sigma = np.sqrt(exact.variance[line])
    off = (exact.mean - truth.mean)[line] / sigma
    assert abs(off.mean()) < 4 * np.sqrt(6 / 30) / np.sqrt(80) + 0.05
    assert 0.5 * np.sqrt(6 / 30) < off.std() < 1.6 * np.sqrt(6 / 30)
    difference = compare_stacks(st.stack, exact)
    assert 80 <= difference.pixels < 200
    assert difference.of == SHAPE[0] * SHAPE[1]
    assert difference.median_sigma == 0


def test_a_second_pass_keeps_noise_and_stars():
    rng = np.random.default_rng(3)
    images = [
        simulate_frame(FIELD, SHAPE, seed=n, fwhm_px=rng.uniform(2.6, 3.6)) for n in range(20)
    ]
    st = stacker_of(images)
    everything = stacker_of(images, clip=None)
    exact = exact_stack(st, frames=images)
    # A sample beyond 4 sigma of others is rare: 6e-5 of all, twice that with neighbours.
    assert 1e-6 < exact.rejected.mean() / 20 < 4e-4
    bright = everything.stack.mean > np.median(everything.stack.mean) + 500
    assert bright.sum() > 50
    ratio = exact.mean[bright].sum() / everything.stack.mean[bright].sum()
    assert ratio == pytest.approx(1.0, abs=2e-3)


def test_a_second_pass_in_colour():
    rng = np.random.default_rng(5)
    base = np.stack([0.5 * pixels(0), pixels(0), 0.7 * pixels(0)], axis=2)
    frames = [Frame(base + rng.normal(0, 8, base.shape).astype(np.float32)) for _ in range(16)]
    for frame in frames[2:6]:
        frame.image[40, 30:90, 0] += 900.0
    st = stacker_of(frames)
    assert st.stack.mean.shape == (*SHAPE, 3)
    exact = exact_stack(st, frames=frames)
    assert exact.rejected[40, 30:90, 0].mean() == pytest.approx(4, abs=0.15)
    assert exact.rejected[40, 30:90, 1:].mean() < 0.05
