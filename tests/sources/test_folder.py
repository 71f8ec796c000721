"""Folders in which files appear, whole, in pieces, renamed, or as junk."""

import os
import shutil
import threading
import time

import numpy as np
import pytest
from astropy.io import fits

from seestack import FileSource, FolderSource, Frame, UnreadableFrameError


def write(path, level):
    fits.writeto(path, np.full((40, 60), level, np.uint16), fits.Header({"EXPTIME": 1.0}))
    return path


def levels(items):
    return [
        int(item.image[0, 0]) if isinstance(item, Frame) else type(item).__name__ for item in items
    ]


class Watching:
    """Iterate a source in a thread, as a session does."""

    def __init__(self, source):
        self.source, self.items = source, []
        self.thread = threading.Thread(target=self._collect)

    def _collect(self):
        for item in self.source:
            self.items.append(item)

    def __enter__(self):
        self.thread.start()
        time.sleep(0.15)
        return self

    def __exit__(self, *_):
        self.source.stop()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def wait_for(self, count, timeout_s=8.0):
        deadline = time.monotonic() + timeout_s
        while len(self.items) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        return levels(self.items)


@pytest.fixture
def quick():
    return {"debounce_s": 0.1, "give_up_s": 0.6, "poll_s": 0.2}


def test_files_come_in_natural_order_once(tmp_path):
    for n in (10, 2, 1):
        write(tmp_path / f"light_{n}.fit", n)
    (tmp_path / "notes.txt").write_text("seeing 2 arcsec")
    (tmp_path / "light_3.fit").write_bytes(b"")
    source = FileSource(tmp_path)
    assert len(source) == 4
    assert levels(source) == [1, 2, "UnreadableFrameError", 10]
    stopped = FileSource(tmp_path)
    stopped.stop()
    assert list(stopped) == []


def test_a_folder_without_following_ends(tmp_path, quick):
    for n in (3, 1, 2):
        write(tmp_path / f"light_{n}.fit", n)
    assert levels(FolderSource(tmp_path, follow=False, **quick)) == [1, 2, 3]


def test_new_files_are_followed(tmp_path, quick):
    write(tmp_path / "light_1.fit", 1)
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        assert watching.wait_for(1) == [1]
        write(tmp_path / "light_2.fit", 2)
        assert watching.wait_for(2) == [1, 2]


def test_existing_files_can_be_passed_over(tmp_path, quick):
    write(tmp_path / "light_1.fit", 1)
    with Watching(FolderSource(tmp_path, existing=False, **quick)) as watching:
        write(tmp_path / "light_2.fit", 2)
        assert watching.wait_for(1) == [2]


def test_a_file_written_in_pieces_is_read_when_it_is_whole(tmp_path, quick):
    whole = write(tmp_path / "whole.tmp.fits", 7).read_bytes()
    (tmp_path / "whole.tmp.fits").unlink()
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        with (tmp_path / "light.fit").open("wb") as file:
            for start in range(0, len(whole), 1500):
                file.write(whole[start : start + 1500])
                file.flush()
                time.sleep(0.04)
        assert watching.wait_for(1) == [7]


def test_a_writer_that_pauses_is_waited_for(tmp_path, quick):
    whole = write(tmp_path / "whole.tmp.fits", 7).read_bytes()
    (tmp_path / "whole.tmp.fits").unlink()
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        with (tmp_path / "light.fit").open("wb") as file:
            file.write(whole[:4000])
            file.flush()
            time.sleep(0.4)
            file.write(whole[4000:])
        assert watching.wait_for(1) == [7]


def test_a_file_that_can_be_read_already_is_left_until_it_rests(tmp_path, quick):
    whole = write(tmp_path / "whole.tmp.fits", 7).read_bytes()
    (tmp_path / "whole.tmp.fits").unlink()
    options = quick | {"debounce_s": 0.4}
    with Watching(FolderSource(tmp_path, **options)) as watching:
        with (tmp_path / "light.fit").open("wb") as file:
            file.write(whole)
            for _ in range(8):
                file.write(b"\0" * 2880)
                file.flush()
                time.sleep(0.1)
                assert watching.items == []
        assert watching.wait_for(1) == [7]


def test_a_rename_completes_a_file_and_a_later_one_does_not_repeat_it(tmp_path, quick):
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        write(tmp_path / "a.fits", 5).rename(tmp_path / "light.fit.part")
        time.sleep(0.3)
        assert levels(watching.items) == []
        (tmp_path / "light.fit.part").rename(tmp_path / "light.fit")
        assert watching.wait_for(1) == [5]
        (tmp_path / "light.fit").rename(tmp_path / "light_done.fit")
        write(tmp_path / "next.fit", 6)
        assert watching.wait_for(2) == [5, 6]


def test_touching_and_rewriting_a_file_does_not_repeat_it(tmp_path, quick):
    path = write(tmp_path / "light.fit", 5)
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        assert watching.wait_for(1) == [5]
        os.utime(path)
        with fits.open(path, mode="update") as hdus:
            hdus[0].header["SOLVED"] = True
        assert watching.wait_for(2, timeout_s=1.0) == [5]


def test_junk_is_reported_once_and_empty_files_never(tmp_path, quick):
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        (tmp_path / "empty.fit").touch()
        (tmp_path / "junk.fit").write_text("not a picture")
        (tmp_path / ".hidden.fit").write_text("not a picture")
        (tmp_path / "folder.fit").mkdir()
        write(tmp_path / "light.fit", 3)
        assert watching.wait_for(2) == [3, "UnreadableFrameError"]
        time.sleep(0.8)
        assert len(watching.items) == 2
        assert watching.items[1].source.endswith("junk.fit")


def test_a_burst_of_files_is_taken_whole(tmp_path, quick):
    with Watching(FolderSource(tmp_path, **quick)) as watching:
        for n in range(40):
            write(tmp_path / f"light_{n:03}.fit", n)
        assert sorted(watching.wait_for(40)) == list(range(40))


def test_a_folder_that_goes_away_may_come_back(tmp_path, quick):
    folder = tmp_path / "share"
    folder.mkdir()
    with Watching(FolderSource(folder, **quick)) as watching:
        shutil.rmtree(folder)
        time.sleep(0.4)
        folder.mkdir()
        write(folder / "light.fit", 9)
        assert watching.wait_for(1) == [9]


def test_stop_ends_a_quiet_watch_at_once(tmp_path):
    source = FolderSource(tmp_path, poll_s=30.0)
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    source.stop()
    thread.join(5)
    assert time.monotonic() - began < 1.0


def test_bad_arguments(tmp_path):
    with pytest.raises(UnreadableFrameError, match="there is no such folder"):
        FolderSource(tmp_path / "missing")
    with pytest.raises(ValueError, match="debounce_s must be positive, got 0"):
        FolderSource(tmp_path, debounce_s=0)
