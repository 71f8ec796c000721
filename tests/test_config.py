"""config.yaml: what is documented loads, and every mistake is named."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seestack.config import ConfigError, ConfigWarning, Settings, load_settings

REPOSITORY = Path(__file__).parents[1]


def test_the_file_of_the_repository_lists_every_key_with_its_default():
    written = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    assert written == Settings().as_mapping()
    assert load_settings(REPOSITORY / "config.yaml") == Settings()
    for line in (REPOSITORY / "config.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith("  ") and not line.endswith(("null", "5173")):
            assert "#" in line, f"no comment in {line!r}"


def test_documented_defaults():
    settings = Settings()
    assert settings.stacking.frames == 20
    assert settings.stacking.exposure_s == 10.0
    assert settings.stacking.preview_every == 1
    assert settings.alpaca.discovery_port == 32227
    assert settings.alpaca.default_server.port == 32323
    assert settings.server.port == 5173
    assert settings.server.address == "127.0.0.1"


def test_without_a_file_everything_has_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings() == Settings()
    (tmp_path / "config.yaml").write_text("stacking:\n  frames: 7\n")
    assert load_settings().stacking.frames == 7
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert load_settings(tmp_path / "empty.yaml") == Settings()


def test_values_arrive_in_their_types(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "stacking: {frames: 50, exposure_s: 20, transform: translation, reseed_after: null}\n"
        "camera: {gain: 80, filter: LP}\n"
        "alpaca: {default_server: {address: 10.0.0.7}}\n"
        "output:\n"
    )
    settings = load_settings(path)
    assert settings.stacking.frames == 50
    assert settings.stacking.exposure_s == 20.0
    assert type(settings.stacking.exposure_s) is float
    assert settings.stacking.options.transform == "translation"
    assert settings.stacking.options.reseed_after is None
    assert settings.stacking.options.max_stars == 60
    assert settings.camera.filter == "LP"
    assert settings.alpaca.default_server.address == "10.0.0.7"
    assert settings.alpaca.default_server.port == 32323
    assert settings.output == Settings().output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stacking: {frame: 3}", "unknown key stacking.frame; did you mean 'frames'?"),
        ("stacking: {maxstars: 3}", "unknown key stacking.maxstars; did you mean 'max_stars'?"),
        (
            "output: {xyzzy: 3}",
            "unknown key output.xyzzy; known are folder, save_subs, with_site, checkpoint",
        ),
        ("alpaca: {default_server: {adress: a}}", "default_server.adress; did you mean 'address'?"),
        ("stacking: {frames: many}", "stacking.frames must be a whole number of at least 1, got"),
        ("stacking: {frames: 0}", "stacking.frames must be a whole number of at least 1, got 0"),
        (
            "stacking: {frames: 2.5}",
            "stacking.frames must be a whole number of at least 1, got 2.5",
        ),
        ("stacking: {frames: true}", "stacking.frames must be a whole number of at least 1, got T"),
        ("stacking: {frames: null}", "stacking.frames must be a whole number of at least 1, got N"),
        ("stacking: {exposure_s: -1}", "stacking.exposure_s must be a number above 0, got -1"),
        ("stacking: {exposure_s: .nan}", "stacking.exposure_s must be a number above 0, got nan"),
        ("stacking: {exposure_s: .inf}", "stacking.exposure_s must be a number above 0, got inf"),
        ("camera: {gain: high}", "camera.gain must be a whole number of at least 0, or null, got"),
        ("server: {port: 70000}", "server.port must be a whole number from 0 to 65535, got 70000"),
        ("image_watcher: {enabled: 1}", "image_watcher.enabled must be true or false, got 1"),
        ("output: {folder: 7}", "output.folder must be text, got 7"),
        ("stacking: {transform: affine}", "stacking.transform must be one of 'rigid', 'transla"),
        ("stacking: {max_stars: 0}", "stacking.max_stars must be positive, got 0"),
        ("stacking: [1, 2]", "stacking must hold keys and values, got [1, 2]"),
        ("[1, 2]", "must hold sections, got [1, 2]"),
        ("stacking: {frames: 3", "is not YAML"),
        ("!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read"):
        load_settings(tmp_path / "missing.yaml")


def test_sections_of_other_programs_are_noted_once(tmp_path):
    path = tmp_path / "shared.yaml"
    path.write_text("dome: {azimuth: 3}\nweather: {}\nstacking: {frames: 3}\n")
    with pytest.warns(ConfigWarning, match="ignored: dome, weather") as noted:
        assert load_settings(path).stacking.frames == 3
    assert len(noted) == 1


def test_a_section_that_is_nearly_known_gets_a_hint(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("stackng: {frames: 3}\n")
    with pytest.warns(ConfigWarning, match=r"stackng \(did you mean 'stacking'\?\)"):
        load_settings(path)


def test_settings_survive_json():
    settings = Settings.from_mapping({"stacking": {"frames": 3, "min_inliers": 6}})
    assert Settings.from_mapping(json.loads(json.dumps(settings.as_mapping()))) == settings


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["stacking", "frames", "camera", "gain", "alpaca", "x"]), inner
            )
        ),
        max_leaves=8,
    )
)
@pytest.mark.filterwarnings("ignore::seestack.config.ConfigWarning")
def test_whatever_is_given_is_settings_or_a_named_mistake(values):
    try:
        settings = Settings.from_mapping(values)
    except ConfigError as error:
        assert str(error).startswith("settings: ")  # noqa: PT017 - both outcomes are right
    else:
        assert Settings.from_mapping(settings.as_mapping()) == settings
