"""A stack in mid-session on disk: nothing is lost, nothing damaged is used."""

import io
import json
import os
import subprocess
import zipfile
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest

import seestack.storage.checkpoint as module
from seestack import Calibration, Frame, LiveStacker, Master, Transform
from seestack.assembly import Assembly, AssemblyState
from seestack.options import Options
from seestack.reports import ReportLog
from seestack.simulation import random_field, simulate_frame
from seestack.storage.checkpoint import (
    CheckpointError,
    checkpoint_bytes,
    read_checkpoint,
    unfinished_frames,
    write_checkpoint,
)
from seestack.storage.values import flatten, rebuild

SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)
OTHER = random_field(SHAPE, 60, seed=77, faintest_adu=3_000.0)


def night(count=12, *, field=FIELD, colour=False, first=0):
    """Frames with motion, dates, a header of all kinds of values; one without stars."""
    frames = []
    for n in range(first, first + count):
        motion = Transform.rigid(rotation_deg=0.3 * n, shift_px=(1.3 * n, -0.7 * n))
        image = simulate_frame(field, SHAPE, transform=motion, seed=n).astype(np.float32)
        if n % 5 == 4:
            image = np.random.default_rng(n).normal(900, 10, SHAPE).astype(np.float32)
        header = {"OBJECT": "M 94", "GAIN": 80, "CCD-TEMP": -9.5, "ODD": 1 + 2j, "NONE": None}
        when = datetime(2026, 4, 9, 21, 0, n, 123456 + n, tzinfo=UTC)
        bayer = "GRBG" if colour else None
        frames.append(Frame(image, 10.0, when, f"light_{n}.fit", bayer, MappingProxyType(header)))
    return frames


def alike(one, other, where="state"):
    """Fail where two values differ in type, number, bit or layout in memory."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape, one.strides) == (other.dtype, other.shape, other.strides)
        assert one.tobytes() == other.tobytes(), where
    elif is_dataclass(one):
        for field in fields(one):
            here = f"{where}.{field.name}"
            alike(getattr(one, field.name), getattr(other, field.name), here)
    elif isinstance(one, (dict, MappingProxyType)):
        assert list(one) == list(other), where
        for key in one:
            alike(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for n, pair in enumerate(zip(one, other, strict=True)):
            alike(*pair, f"{where}[{n}]")
    elif isinstance(one, (float, np.generic)):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), where
    else:
        assert one == other, where


def state_of(stacker):
    with stacker.assembly() as assembly:
        return assembly.state


def stacked(frames, **options):
    stacker = LiveStacker(**options)
    for frame in frames:
        stacker.add_frame(frame)
    return stacker


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkpoint of twelve frames."""
    path = tmp_path_factory.mktemp("session") / "session.checkpoint"
    write_checkpoint(path, stacked(night()))
    return path


@pytest.mark.parametrize("colour", [False, True])
def test_every_field_comes_back(tmp_path, colour):
    stacker = stacked(night(colour=colour))
    assert stacker.frames_stacked == 10
    write_checkpoint(tmp_path / "c", stacker)
    found = read_checkpoint(tmp_path / "c").stacker
    before, after = state_of(stacker), state_of(found)
    # What is neither a number nor text is left out of headers, and of nothing else.
    plain = {k: v for k, v in before.running.reference.frame.header.items() if k != "ODD"}
    frame = replace(before.running.reference.frame, header=MappingProxyType(plain))
    running = replace(
        before.running,
        reference=replace(before.running.reference, frame=frame),
        observation=replace(before.running.observation, reference=frame),
    )
    alike(replace(before, running=running), after)
    assert (found.frames_stacked, found.frames_total) == (10, 12)
    alike(found.stack, stacker.stack)
    assert after.running.stack.mean.flags.writeable


def test_nothing_that_changes_is_outside_the_state():
    """Whoever adds an attribute must add it to the state, and to this list."""
    assembly = Assembly(Options())
    assert set(vars(assembly)) == {"options", "log", "running", "_baseline", "_strays"}
    assert {field.name for field in fields(AssemblyState)} == {
        "running",
        "baseline",
        "strays",
        "rows",
    }
    assert set(vars(ReportLog())) == {"_rows", "counts"}
    kept = {"calibration", "options"}
    assert set(vars(LiveStacker())) == {"_lock", "_assembly", "_clean"} | kept


@pytest.mark.parametrize("colour", [False, True])
def test_going_on_from_any_frame_ends_as_if_nothing_had_happened(tmp_path, colour):
    # The first frame is alone: those that follow become strays, and then replace it.
    frames = [*night(1, field=OTHER, colour=colour), *night(6, first=5, colour=colour)]
    whole = stacked(frames)
    assert whole.reports[0]["rejection"] == "dropped"
    assert whole.frames_stacked == 5
    growing = LiveStacker()
    for broken in range(len(frames)):
        write_checkpoint(tmp_path / "c", growing)
        growing.add_frame(frames[broken])
        found = read_checkpoint(tmp_path / "c")
        assert found.inputs == {os.path.abspath(frame.source) for frame in frames[:broken]}
        for frame in frames[broken:]:
            found.stacker.add_frame(frame)
        alike(state_of(found.stacker).running.stack, state_of(whole).running.stack)
        alike(found.stacker.stack, whole.stack)
        alike(found.stacker.reports, whole.reports)
        alike(found.stacker.gain_curve, whole.gain_curve)


def test_scalars_keep_their_type():
    values = (np.float64(1.5), np.float32("nan"), np.int64(-3), np.bool_(True), -0.0, 2**70)
    plain, arrays = flatten(values)
    alike(rebuild(json.loads(json.dumps(plain)), arrays), values)


def test_what_is_not_known_is_refused_at_once(tmp_path):
    with pytest.raises(TypeError, match=r"a builtins\.set cannot be kept"):
        flatten({"a": {1, 2}})


@pytest.mark.parametrize("part", ["magic", "length", "header", "array", "digest"])
def test_a_flipped_bit_is_found(written, tmp_path, part):
    whole = written.read_bytes()
    header = int.from_bytes(whole[22:30], "little")
    place = {"magic": 3, "length": 23, "header": 30 + header // 2, "digest": len(whole) - 5}
    damaged = bytearray(whole)
    damaged[place.get(part, len(whole) // 2)] ^= 0x10
    (tmp_path / "c").write_bytes(damaged)
    with pytest.raises(CheckpointError, match=r"c: is .*damaged.*start anew without --resume"):
        read_checkpoint(tmp_path / "c")


def test_any_flipped_bit_is_found(written, tmp_path):
    whole = written.read_bytes()
    rng = np.random.default_rng(3)
    for place, bit in zip(rng.integers(0, len(whole), 60), rng.integers(0, 8, 60), strict=True):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        (tmp_path / "c").write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged"):
            read_checkpoint(tmp_path / "c")


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.01, 0.5, 0.99999])
def test_a_file_cut_short_is_found(written, tmp_path, share):
    whole = written.read_bytes()
    (tmp_path / "c").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"c: is (damaged or cut short|no checkpoint)"):
        read_checkpoint(tmp_path / "c")


def test_bytes_too_many_are_found(written, tmp_path):
    (tmp_path / "c").write_bytes(written.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(tmp_path / "c")


def test_foreign_files_are_named(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("stack.npy", b"x")
    for name, body in (("zip", content.getvalue()), ("empty", b""), ("text", b"hello\n" * 99)):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(CheckpointError, match=f"{name}: is no checkpoint of seestack"):
            read_checkpoint(tmp_path / name)
        assert unfinished_frames(tmp_path / name) is None
    for name in ("missing", ""):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(("name", "value"), [("__version__", "9.1.0"), ("_FORMAT", 7)])
def test_another_version_is_named(tmp_path, monkeypatch, name, value):
    with monkeypatch.context() as patch:
        patch.setattr(module, name, value)
        write_checkpoint(tmp_path / "c", LiveStacker())
    with pytest.raises(CheckpointError, match=rf"written by seestack .*{value}.* and this is"):
        read_checkpoint(tmp_path / "c")


def test_values_of_another_layout_are_named(tmp_path, monkeypatch):
    """Such as a field that this version does not know."""

    def widened(value):
        plain, arrays = flatten(value)
        for fields_of in plain.values():
            if "baseline" in fields_of:
                fields_of["moon"] = 0.5
        return plain, arrays

    with monkeypatch.context() as patch:
        patch.setattr(module, "flatten", widened)
        write_checkpoint(tmp_path / "c", LiveStacker())
    with pytest.raises(CheckpointError, match=r"another state of seestack.*moon"):
        read_checkpoint(tmp_path / "c")


def test_other_options_are_named(written):
    with pytest.raises(CheckpointError) as refusal:
        read_checkpoint(written, options=Options(clip=3.0, max_stars=61))
    assert "clip = 4.0 and is now 3.0; max_stars = 60 and is now 61" in str(refusal.value)
    assert read_checkpoint(written, options=Options()).stacker.frames_total == 12


def test_other_masters_are_named(tmp_path):
    dark, other = (
        Calibration(dark=Master("dark", np.full(SHAPE, level), exposure_s=10.0, count=9))
        for level in (12.0, 12.5)
    )
    stacker = LiveStacker(calibration=dark)
    for frame in night(3):
        stacker.add_frame(frame)
    write_checkpoint(tmp_path / "c", stacker)
    again = read_checkpoint(tmp_path / "c", calibration=dark).stacker
    for stack_of in (stacker, again):
        stack_of.add_frame(night(1, first=3)[0])
    alike(stacker.stack, again.stack)
    for calibration, words in ((other, "other .* there are these"), (None, "there are none")):
        with pytest.raises(CheckpointError, match=words):
            read_checkpoint(tmp_path / "c", calibration=calibration)
    write_checkpoint(tmp_path / "d", LiveStacker())
    with pytest.raises(CheckpointError, match="made with no calibration frames"):
        read_checkpoint(tmp_path / "d", calibration=dark)


def test_the_size_is_foretold(written, tmp_path):
    stacker = read_checkpoint(written).stacker
    assert 0.9 < checkpoint_bytes(stacker) / written.stat().st_size < 1.0
    assert unfinished_frames(written) == 12
    write_checkpoint(tmp_path / "c", stacker, finished=True)
    assert unfinished_frames(tmp_path / "c") == 0


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(written, tmp_path):
    path = tmp_path / "session.checkpoint"
    before = written.read_bytes()
    path.write_bytes(before)
    # A real device that is full stands where the new file is to be written.
    (tmp_path / ".session.checkpoint.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as failure:
        write_checkpoint(path, LiveStacker())
    assert failure.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["session.checkpoint"]
    with pytest.raises(OSError, match="No such file"):
        write_checkpoint(tmp_path / "no" / "such" / "folder", LiveStacker())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, or skip."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a full file system needs the right to mount one: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_file_system_leaves_the_old_one(small_disk):
    path = small_disk / "session.checkpoint"
    write_checkpoint(path, LiveStacker())
    before = path.read_bytes()
    full = stacked(night(2))
    assert checkpoint_bytes(full) > 1e6
    with pytest.raises(OSError, match="No space left on device"):
        write_checkpoint(path, full)
    assert path.read_bytes() == before
    assert os.listdir(small_disk) == ["session.checkpoint"]
