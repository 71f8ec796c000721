"""The command as a user runs it: real files in, real files out."""

import csv
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import requests
from astropy.io import fits
from PIL import Image

from seestack import Transform
from seestack.cli import main
from seestack.simulation import random_field, simulate_frame

SHAPE = (200, 300)
FIELD = random_field(SHAPE, 100, seed=12, margin_px=30, faintest_adu=3_000.0)


def write_lights(folder, count=4, **cards):
    folder.mkdir(exist_ok=True)
    for n in range(count):
        motion = Transform.rigid(rotation_deg=0.3 * n, shift_px=(1.6 * n, -0.9 * n))
        pixels = simulate_frame(FIELD, SHAPE, transform=motion, seed=n).round().astype(np.uint16)
        header = fits.Header({"EXPTIME": 10.0, "OBJECT": "M 94", "SITELAT": 44.8, **cards})
        header["DATE-OBS"] = f"2026-04-09T21:00:{12 * n:02d}.500"
        fits.writeto(folder / f"light_{n + 1}.fit", pixels, header)
    return folder


def rows_of(folder):
    with (folder / "frames.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_stacked(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights")
    out = tmp_path / "deep" / "m94"
    assert main(["stack", str(lights), "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "4/4  light_4.fit  stacked" in printed
    assert "Stacked 4 of 4 frames, 40 s of exposure" in printed
    assert "SNR gain             2.00" in printed
    assert str(out / "stack.fits") in printed
    with fits.open(out / "stack.fits") as hdus:
        assert hdus[0].data.shape == SHAPE
        assert hdus[0].header["STACKCNT"] == 4
        assert hdus[0].header["TOTALEXP"] == 40.0
        assert hdus[0].header["OBJECT"] == "M 94"
        assert hdus[0].header["DATE-OBS"].startswith("2026-04-09T21:00:00.500")
        assert hdus[0].header["DATE-END"].startswith("2026-04-09T21:00:46.500")
        assert "SITELAT" not in hdus[0].header
        assert "transform = rigid" in str(hdus[0].header["HISTORY"])
        assert np.nanmax(hdus["COVERAGE"].data) == 4
    with Image.open(out / "preview.png") as preview:
        assert preview.size == (300, 200)
    rows = rows_of(out)
    assert [row["accepted"] for row in rows] == ["True"] * 4
    assert [row["reason"] for row in rows] == ["reference frame"] + ["stacked"] * 3
    assert float(rows[3]["rotation_deg"]) == pytest.approx(0.9, abs=0.02)
    assert rows[0]["rms_px"] == ""
    assert {"source", "dx_px", "dy_px", "fwhm_px", "sky_adu", "weight"} <= rows[0].keys()


def test_every_input_has_a_row_and_junk_stops_nothing(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights")
    (lights / "light_2.fit").write_bytes((lights / "light_2.fit").read_bytes()[:9_000])
    (lights / "light_3.fit").write_text("this is not a picture")
    (lights / "light_5.fit").touch()
    fits.writeto(lights / "light_6.fit", np.zeros((30, 40), np.uint16))
    out = tmp_path / "out"
    assert main(["stack", str(lights), "-o", str(out)]) == 0
    rows = rows_of(out)
    assert [row["accepted"] for row in rows] == ["True", "False", "False", "True", "False", "False"]
    for row, name in zip(rows, [1, 2, 3, 4, 5, 6], strict=True):
        assert row["source"].endswith(f"light_{name}.fit")
    assert rows[5]["reason"] == "frame size differs from reference"
    for row in (rows[1], rows[2], rows[4]):
        assert row["source"] in row["reason"]
    assert "Stacked 2 of 6 frames" in capsys.readouterr().out


def test_nothing_stacked_is_exit_code_1(tmp_path, capsys):
    lights = tmp_path / "lights"
    lights.mkdir()
    sky = np.random.default_rng(0).normal(900, 20, SHAPE).astype(np.float32)
    fits.writeto(lights / "cloud.fit", sky)
    assert main(["stack", str(lights), "-o", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "Stacked 0 of 1 frames" in printed
    assert "1 left out: reference frame has too few stars" in printed
    assert not (tmp_path / "out" / "stack.fits").exists()
    assert len(rows_of(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: COMMAND"),
        (["fold"], "invalid choice: 'fold'"),
        (["stack"], "required: FILES_OR_FOLDER"),
        (["stack", "{missing}"], "no such file or folder"),
        (["stack", "{empty}"], "no frame"),
        (["stack", "{lights}", "--transform", "affine"], "invalid choice: 'affine'"),
        (["stack", "{lights}", "--max-stars", "many"], "invalid int value: 'many'"),
        (["stack", "{lights}", "--max-stars", "-3"], "max_stars must be positive, got -3"),
        (["live", "--simulate", "--address", "10.0.0.7"], "not allowed with argument"),
        (["live", "--speed", "fast"], "must be a positive number, got fast"),
        (["simulate", "--port", "80000"], "must be a port from 0 to 65535, got 80000"),
    ],
)
def test_bad_usage_is_exit_code_2_with_one_clear_sentence(tmp_path, capsys, arguments, sentence):
    (tmp_path / "empty").mkdir()
    lights = write_lights(tmp_path / "lights", 1)
    places = {"missing": tmp_path / "missing", "empty": tmp_path / "empty", "lights": lights}
    filled = [argument.format(**places) for argument in arguments]
    assert main(filled) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        (["stack", "lights", "--resume=maybe"], "--resume", "'maybe'"),
        (["live", "--simulate", "--resume=1"], "--resume", "'1'"),
        (["watch", "lights", "--with-site=off"], "--with-site", "'off'"),
        (["live", "--simulate", "--save-subs=no"], "--save-subs", "'no'"),
        (["serve", "--simulate", "--save-subs=no"], "--save-subs", "'no'"),
    ],
)
def test_a_switch_of_what_is_kept_takes_no_value(
    tmp_path, capsys, monkeypatch, arguments, option, value
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in said
    assert value in said
    assert said.endswith("a switch takes no value: give it alone, or leave it out")
    assert not list(tmp_path.iterdir())


def test_a_folder_for_results_has_a_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lights(tmp_path / "lights", 1)
    assert main(["stack", "lights", "--out", ""]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--out: must be the name of a folder, got ''; a dot is the present one" in said
    assert [path.name for path in tmp_path.iterdir()] == ["lights"]


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("checkpoint: perhaps", "output.checkpoint must be true or false, got 'perhaps'"),
        ("save_subs: 3", "output.save_subs must be true or false, got 3"),
    ],
)
def test_the_same_switches_in_a_file(tmp_path, capsys, monkeypatch, section, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "off.yaml").write_text(f"output: {{{section}}}")
    write_lights(tmp_path / "lights", 1)
    assert main(["stack", "lights", "--config", "off.yaml"]) == 2
    assert f"off.yaml: {sentence}" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lights", "off.yaml"]


def test_results_that_cannot_be_written(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 2)
    (tmp_path / "taken").write_text("a file, not a folder")
    assert main(["stack", str(lights), "-o", str(tmp_path / "taken")]) == 1
    printed = capsys.readouterr()
    assert "cannot be the folder for results" in printed.err
    assert "taken" in printed.err
    assert printed.out == ""


def test_one_result_that_cannot_be_written_does_not_cost_the_others(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 2)
    out = tmp_path / "out"
    (out / "frames.csv").mkdir(parents=True)
    assert main(["stack", str(lights), "-o", str(out)]) == 1
    assert "a result could not be written" in capsys.readouterr().err
    assert fits.getheader(out / "stack.fits")["STACKCNT"] == 2
    assert sorted(p.name for p in out.iterdir()) == [
        "frames.csv",
        "preview.png",
        "session.checkpoint",
        "stack.fits",
    ]


def test_its_own_results_are_no_frames(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 2)
    for _ in range(2):
        assert main(["stack", str(lights), "-o", str(lights)]) == 0
    assert capsys.readouterr().out.count("Stacked 2 of 2 frames") == 2


def test_older_results_are_replaced(tmp_path):
    lights = write_lights(tmp_path / "lights", 3)
    out = tmp_path / "out"
    for _ in range(2):
        assert main(["stack", str(lights), "-q", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "frames.csv",
        "preview.png",
        "session.checkpoint",
        "stack.fits",
    ]


def test_quiet_prints_the_summary_only(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 2)
    main(["stack", "--quiet", str(lights), "-o", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "light_1.fit" not in printed
    assert "Stacked 2 of 2 frames" in printed


@pytest.mark.parametrize(
    "arguments", [["--help"], ["stack", "--help"], ["live", "--help"], ["watch", "--help"]]
)
def test_help_fits_a_terminal(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: seestack")
    assert max(map(len, printed.splitlines())) <= 100


def run(*arguments, timeout=120):
    return subprocess.run(
        [sys.executable, "-m", "seestack", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def test_live_with_the_simulated_telescope(tmp_path):
    done = run(
        "live", "--simulate", "--speed", "50", "--frames", "4", "--save-subs", "-o", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "simulated telescope at 127.0.0.1:" in done.stdout
    assert "  4  sub_" in done.stdout
    with fits.open(tmp_path / "stack.fits") as hdus:
        assert hdus[0].header["STACKCNT"] == 4
        assert hdus[0].header["TOTALEXP"] == 40.0
        assert hdus[0].data.shape == hdus["REJECTED"].data.shape == (3, 1920, 1080)
    assert len(list((tmp_path / "subs").iterdir())) >= 4
    assert len(rows_of(tmp_path)) >= 4


def test_live_without_a_camera_says_so(tmp_path):
    done = run("live", "--address", "127.0.0.1:9", "-o", tmp_path)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Stacked 0 of 0 frames" in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_watch_stacks_what_appears(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 4)
    assert main(["watch", str(lights), "--frames", "4", "-o", str(tmp_path / "out")]) == 0
    assert "Stacked 4 of 4 frames" in capsys.readouterr().out


def test_live_takes_a_folder_where_the_settings_say_so(tmp_path):
    lights = tmp_path / "lights"
    lights.mkdir()
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"image_watcher: {{enabled: true, watch_path: '{lights.as_posix()}'}}\n"
        f"output: {{folder: '{(tmp_path / 'out').as_posix()}'}}"
    )
    with running("live", "--frames", "3", "--config", config) as process:
        assert process.stdout.readline().startswith(f"watching {lights.as_posix()}")
        write_lights(lights, 3)
        assert "Stacked 3 of 3 frames" in process.communicate(timeout=60)[0]
        assert process.returncode == 0


def test_watch_without_a_folder_says_what_to_do(capsys):
    assert main(["watch"]) == 2
    assert "name the folder to watch" in capsys.readouterr().err


def test_discover_finds_a_simulated_telescope(tmp_path, capsys, simulate, picture):
    telescope = simulate(picture=picture, discovery_port=0)
    config = tmp_path / "mine.yaml"
    config.write_text(f"alpaca: {{discovery_port: {telescope.discovery_port}}}")
    assert main(["discover", "--timeout", "1", "--config", str(config)]) == 0
    printed = capsys.readouterr().out
    assert telescope.address in printed
    assert "camera 0" in printed


def test_discover_without_an_answer_is_exit_code_1(tmp_path, capsys):
    config = tmp_path / "mine.yaml"
    config.write_text("alpaca: {discovery_port: 9}")
    assert main(["discover", "--timeout", "0.3", "--config", str(config)]) == 1
    assert "no ALPACA server answered" in capsys.readouterr().err


@contextmanager
def running(*arguments):
    """A command in a process of its own, killed if it does not end."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "seestack", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_simulate_runs_until_it_is_told_to_end():
    with running("simulate", "--port", "0") as process:
        assert process.stdout.readline().startswith("simulated telescope at 127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_a_session_that_is_told_to_end_keeps_its_stack(tmp_path):
    with running(
        "live", "--simulate", "--speed", "50", "--frames", "500", "-o", tmp_path
    ) as process:
        while not process.stdout.readline().startswith("  3  "):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[0]
        assert process.returncode == 0
    assert "stopped; what was stacked so far is kept" in rest
    assert fits.getheader(tmp_path / "stack.fits")["STACKCNT"] >= 3


def test_settings_of_a_file_and_flags_over_them(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights", 3)
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"stacking: {{transform: translation, max_stars: 30}}\noutput: {{folder: '{tmp_path}/a'}}"
    )
    assert main(["stack", str(lights), "--config", str(config), "--max-stars", "40"]) == 0
    history = str(fits.getheader(tmp_path / "a" / "stack.fits")["HISTORY"])
    assert "transform = translation" in history
    assert "max_stars = 40" in history
    config.write_text("stacking: {max_star: 30}")
    assert main(["stack", str(lights), "--config", str(config)]) == 2
    assert "did you mean 'max_stars'" in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("seestack ")


def write_darks(folder, level=60, **cards):
    folder.mkdir()
    for n in range(3):
        pixels = np.random.default_rng(n).normal(level, 4, SHAPE).round().astype(np.uint16)
        fits.writeto(folder / f"{n}.fit", pixels, fits.Header({"EXPTIME": 10.0, **cards}))
    return folder


def test_darks_are_taken_off(tmp_path, capsys):
    lights, darks = write_lights(tmp_path / "lights"), write_darks(tmp_path / "darks")
    out = tmp_path / "out"
    assert main(["stack", str(lights), "--dark", str(darks), "-o", str(out)]) == 0
    assert "calibration: dark = 3 frames, 10 s; bad pixels = 0" in capsys.readouterr().out
    with fits.open(out / "stack.fits") as hdus:
        assert "dark = 3 frames, 10 s" in str(hdus[0].header["HISTORY"])
        np.testing.assert_allclose(np.nanmedian(hdus[0].data), 740.0, rtol=0, atol=5.0)


def test_darks_that_do_not_fit_refuse_every_frame(tmp_path, capsys):
    lights = write_lights(tmp_path / "lights")
    darks = write_darks(tmp_path / "darks", EXPTIME=20.0)
    assert main(["stack", str(lights), "--dark", str(darks), "-o", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "4 left out: dark does not fit: its exposure is 20 s and the frame's is 10 s" in printed


@pytest.mark.parametrize("arguments", [["--scale-dark"], ["--dark", "none"]])
def test_bad_calibration_arguments(tmp_path, capsys, arguments):
    lights = write_lights(tmp_path / "lights", 1)
    assert main(["stack", str(lights), *arguments, "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("seestack: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_serve_ends_on_sigterm_with_the_stack_saved(tmp_path):
    command = ("serve", "--simulate", "--speed", "100", "--port", "0", "-o", str(tmp_path / "out"))
    with running(*command) as process:
        url = ""
        while not url.startswith("http"):
            url = process.stdout.readline().removeprefix("dashboard at ").strip()
        assert requests.post(f"{url}api/stack/start", timeout=10).status_code == 200
        while requests.get(f"{url}api/status", timeout=10).json()["frames_stacked"] < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    (folder,) = (tmp_path / "out").iterdir()
    assert str(folder / "stack.fits") in printed
    assert fits.getheader(folder / "stack.fits")["STACKCNT"] >= 2
    assert len(rows_of(folder)) >= 2


def test_serve_names_a_port_that_is_taken(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "-o", str(tmp_path)]) == 1
    assert f"127.0.0.1:{port} cannot be used" in capsys.readouterr().err
