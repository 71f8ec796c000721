"""The panel without a browser: its widgets are set and its methods called, the rest is real."""

import io
import threading
import time

import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from PIL import Image

from seestack import CaptureSession, LivePanel, Place, Settings, live
from seestack.alpaca.faults import Fault
from seestack.alpaca.sky import Sky
from seestack.simulation import random_field, simulate_frame
from seestack.sources.simulated import SimulatedSource
from seestack.widgets.keeping import KeepingStacker
from seestack.widgets.refresher import NAME

SKY = Sky(shape=(240, 180), n_stars=90, target=None, satellite_rate=0.0, cloud=0.0)
SHAPE = (120, 180)
FIELD = random_field(SHAPE, 60, seed=5, faintest_adu=3_000.0)

pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")


def settings(**stacking):
    alpaca = {"discovery_port": 9, "discovery_timeout": 0.05}  # nobody answers there
    return Settings.from_mapping({"alpaca": alpaca, "stacking": stacking})


@pytest.fixture
def panels():
    """Make panels that are stopped and closed at the end."""
    made = []

    def make(session=None, place=None, **stacking):
        panel = LivePanel(session, settings=settings(**stacking), place=place)
        made.append(panel)
        return panel

    yield make
    for panel in made:
        panel.stop()
        panel.close()
        if panel.session is not None:
            panel.session.wait(10)


def small(frames=4, speed=None, **options):
    """A session of small frames."""
    return CaptureSession(SimulatedSource(SKY, speed=speed), frames=frames, **options)


def finish(panel, timeout_s=40):
    assert panel.wait(timeout_s)
    assert panel.session.wait(timeout_s).state != "running"
    assert panel.wait(timeout_s)


def until(holds, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def size_of(widget):
    return Image.open(io.BytesIO(widget.value)).size


def test_a_session_is_watched_to_its_end(panels):
    panel = panels(small())
    empty = panel.viewer.image.value
    panel.start()
    finish(panel)
    assert "finished" in panel.state.value
    assert panel.count.value.startswith("4 of 4 frames · took 0:0")
    assert panel.bar.value == 1.0
    assert panel.viewer.image.value != empty
    assert size_of(panel.viewer.image) == (180, 240)
    assert not panel.start_button.disabled
    assert panel.stop_button.disabled
    assert repr(panel) == f"<seestack panel: {panel.count.value}>"


def test_start_takes_the_form_and_a_simulated_camera(panels):
    panel = panels(place=Place(kind="simulated", speed=1000.0))
    panel.form.fields["stacking", "frames"].value = "2"
    panel.form.fields["stacking", "exposure_s"].value = "3.5"
    panel.connect()
    assert panel.wait(10)
    assert "Simulated camera, 1080 × 1920 px, 1000 times faster" in panel.notice.value
    panel.start()
    finish(panel)
    assert panel.session.source.exposure_s == 3.5
    assert panel.session.stacker.frames_stacked == 2
    assert len(panel.viewer.image.value) < 300_000


def test_save_writes_where_the_form_says_and_reset_forgets(panels, tmp_path):
    panel = panels(small(frames=2))
    panel.form.fields["output", "folder"].value = str(tmp_path)
    panel.start()
    finish(panel)
    panel.save()
    assert panel.wait(30)
    assert "Saved to" in panel.notice.value
    assert sorted(path.name for path in tmp_path.glob("*/*")) == [
        "frames.csv",
        "preview.png",
        "stack.fits",
    ]
    panel.reset()
    assert panel.wait(10)
    assert panel.session is None
    assert panel.save_button.disabled


def test_every_tab_is_drawn_when_it_is_looked_at(panels):
    stacker = KeepingStacker()
    panel = panels(CaptureSession(SimulatedSource(SKY), stacker, frames=2))
    panel.start()
    finish(panel)
    before = panel.tabs.last.value
    assert len(before) > 20_000  # the frame with its stars, not the placeholder
    for tab, chart in panel.tabs.charts.items():
        assert chart.value == b""
        panel.tabs.selected_index = tab
        assert panel.wait(20)
        assert size_of(chart)[0] > 500
    panel.tabs.selected_index = 4
    assert panel.wait(20)
    assert panel.tabs.rows.value.count("<tr>") == 3
    assert "reference frame" in panel.tabs.rows.value


def slowly(images):
    """Yield images so that there is time to tell of each."""
    for image in images:
        yield image
        time.sleep(0.7)


def test_a_frame_that_is_left_out_is_told_with_what_can_be_done(panels):
    images = [simulate_frame(FIELD, SHAPE, seed=n) for n in range(4)]
    images[2] = np.full(SHAPE, 100.0)
    panel = panels(CaptureSession(slowly(images), KeepingStacker(), frames=None))
    lines, drawn = [], []
    panel.state.observe(lambda change: lines.append(change["new"]), names="value")
    panel.tabs.last.observe(lambda change: drawn.append(change["new"]), names="value")
    panel.start()
    finish(panel)
    (told,) = (line for line in lines if "left out" in line)
    remedy = "clouds or another field? else lower “Star threshold” or raise max_stars"
    assert told.endswith(f'<small class="seestack-remedy">{remedy}</small></div>')
    assert sum("seestack-remedy" in line for line in lines) == 1
    panel.tabs.selected_index = 4
    assert panel.wait(20)
    assert panel.tabs.rows.value.count(remedy) == 1


def test_the_look_changes_the_picture_and_1_to_1_shows_single_pixels(panels):
    images = [simulate_frame(FIELD, SHAPE, seed=n) for n in range(3)]
    panel = panels(CaptureSession(images, frames=None))
    panel.start()
    finish(panel)
    plain = panel.viewer.image.value
    panel.viewer.strength.value = 200.0
    assert panel.wait(10)
    assert panel.viewer.image.value != plain
    panel.viewer.reset()
    assert panel.wait(10)
    assert panel.viewer.image.value == plain
    panel.viewer.zoom.value = 2
    assert panel.wait(10)
    assert size_of(panel.viewer.image) == (360, 240)
    assert panel.viewer.image.layout.object_fit == "none"


def test_a_stopped_session_keeps_its_stack_and_the_next_start_makes_a_new_one(panels):
    panel = panels(small(frames=None, speed=100.0), place=Place(kind="simulated"), frames=1)
    panel.start()
    until(lambda: panel.session.snapshot().frames_stacked >= 2)
    first = panel.session
    panel.stop()
    finish(panel)
    assert "stopped" in panel.state.value
    assert first.stacker.frames_stacked >= 2
    panel.place_form.speed.value = 1000.0
    panel.start()
    finish(panel)
    assert panel.session is not first
    assert "1 of 1" in panel.count.value


def test_settings_changed_while_frames_arrive(panels):
    panel = panels(small(frames=50, speed=40.0))
    panel.start()
    until(lambda: panel.session.snapshot().frames_stacked >= 1)
    panel.form.fields["camera", "gain"].value = "120"
    assert "Gain: counts from the next start." in panel.notice.value
    panel.form.fields["stacking", "frames"].value = "4"
    finish(panel)
    assert panel.session.snapshot().frames_stacked in (4, 5)


def test_a_wrong_setting_is_told_and_nothing_starts(panels):
    panel = panels(place=Place(kind="simulated", speed=1000.0))
    panel.form.fields["stacking", "frames"].value = "none"
    assert "frames must be a whole number" in panel.notice.value
    panel.start()
    assert panel.wait(10)
    assert panel.session is None
    assert 'role="alert"' in panel.notice.value
    assert not panel.start_button.disabled


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(kind="network"), "No camera was found"),
        (Place(kind="address"), "Type the address of the camera"),
        (Place(kind="folder", folder="no/such/folder"), "no/such/folder"),
        (Place(kind="folder"), "Name the folder to watch"),
    ],
)
def test_without_a_camera_the_panel_says_so(panels, place, words):
    panel = panels(place=place)
    for do in (panel.connect, panel.start):
        do()
        assert panel.wait(10)
        assert words in panel.notice.value
    assert panel.session is None


def test_a_search_offers_what_it_finds(panels, simulate):
    telescope = simulate(SKY, discovery_port=0)
    panel = panels()
    panel.form._settings = Settings.from_mapping(
        {"alpaca": {"discovery_port": telescope.discovery_port, "discovery_timeout": 0.6}}
    )
    panel.search()
    assert panel.wait(10)
    assert "1 camera found." in panel.notice.value
    assert panel.place_form.place.address == telescope.address
    panel.form.fields["stacking", "frames"].value = "2"
    panel.start()
    finish(panel)
    assert panel.session.stacker.frames_stacked == 2


def test_a_camera_that_dies_is_told_at_once_and_taken_up_again(panels, simulate):
    telescope = simulate(SKY, speed=50.0)
    panel = panels(place=Place(kind="address", address=telescope.address), frames=6)
    telescope.inject(Fault(kind="restart", member="startexposure", after=2, seconds=0.5))
    seen = []
    panel.state.observe(lambda change: seen.append(change["new"]), names="value")
    panel.start()
    finish(panel)
    lost = [text for text in seen if "trying again in" in text]
    assert lost
    assert 'class="trouble" role="alert"' in lost[0]
    assert "6 of 6" in panel.count.value


def test_close_ends_the_thread_and_not_the_session(panels):
    panel = panels(small(frames=30, speed=60.0))
    panel.start()
    until(lambda: panel.session.snapshot().frames_stacked >= 1)
    panel.close()
    assert not [t for t in threading.enumerate() if t.name == NAME]
    assert panel.session.snapshot().state == "running"
    panel.close()
    panel.session.stop(timeout_s=10)


def test_live_outside_of_ipython_makes_a_panel_of_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("image_watcher: {enabled: true, watch_path: night}")
    panel = live()
    assert panel.place_form.place == Place(kind="folder", folder="night")
    panel.close()


def test_what_remains_without_a_kernel_is_plain_html(panels):
    panel = panels(small(frames=2))
    panel.start()
    finish(panel)
    card = panel._still.html()
    assert "2 of 2 frames stacked" in card
    assert "data:image/png;base64," in card
    assert ".seestack-still { display: none; }" in panel.children[0].value


def test_it_needs_no_extension_of_the_front_end(panels):
    """What ipywidgets itself brings is known to JupyterLab, Notebook, VS Code and Voila."""
    state = dependency_state([panels()], drop_defaults=False)
    assert len(state) > 100
    modules = {
        each["state"].get(key)
        for each in state.values()
        for key in ("_model_module", "_view_module")
    }
    assert modules == {"@jupyter-widgets/base", "@jupyter-widgets/controls"}


def test_sub_frames_are_never_dropped(panels):
    images = [simulate_frame(FIELD, SHAPE, seed=n) for n in range(40)]
    panel = panels(CaptureSession(images, frames=None))
    shown = []
    panel.viewer.image.observe(lambda change: shown.append(1), names="value")
    panel.start()
    finish(panel)
    assert panel.session.stacker.frames_total == 40
    np.testing.assert_array_equal(panel.session.stacker.stack.coverage.max(), 40)
    assert 0 < len(shown) <= 42
