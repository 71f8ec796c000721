"""Gates: which frames are refused, why, and against what."""

import json
import math
from dataclasses import fields, replace

import pytest

from seestack.gates import Baseline, Gates, judge
from seestack.model import FrameQuality, FrameRejected, RejectionKind

GOOD = FrameQuality(
    sky_adu=1000.0,
    sky_sigma_adu=30.0,
    stars=50,
    fwhm_px=3.0,
    elongation=1.1,
    transparency=1.0,
    transparency_err=0.003,
)
USUAL = Baseline((GOOD,) * 5)
OFF = Gates(max_elongation=None, min_weight=None)
# A gate, its setting, the frame's number, values on either side, the limit, the words.
CASES = {
    "fwhm": ("max_fwhm", 1.5, "fwhm_px", 4.4, 4.6, 4.5, "fwhm 4.60 px is over max_fwhm 1.5 x 3.00"),
    "elongation": ("max_elongation", 1.5, "elongation", 1.49, 1.51, 1.5, "elongation 1.51 is over"),
    "transparency": ("min_transparency", 0.5, "transparency", 0.51, 0.49, 0.5, "0.490 is under"),
    "sky": ("max_sky", 2.0, "sky_adu", 1990.0, 2010.0, 2000.0, "sky 2010 ADU is over max_sky 2 x"),
    "stars": ("min_stars", 0.4, "stars", 21, 19, 20.0, "stars 19 is under min_stars 0.4 x 50"),
}


def verdict(quality, baseline=USUAL, gates=OFF):
    """Return the rejection, or None where the frame passes."""
    try:
        judge(quality, baseline, gates)
    except FrameRejected as rejection:
        return rejection
    return None


@pytest.mark.parametrize("kind", CASES)
def test_each_gate_and_its_words(kind):
    option, setting, name, passing, failing, limit, words = CASES[kind]
    gates = replace(OFF, **{option: setting})
    assert verdict(replace(GOOD, **{name: passing}), gates=gates) is None
    rejection = verdict(replace(GOOD, **{name: failing}), gates=gates)
    assert rejection.kind == RejectionKind(kind)
    assert rejection.value == failing
    assert rejection.limit == pytest.approx(limit, rel=1e-12)
    assert words in rejection.reason
    assert json.dumps([rejection.kind, rejection.value, rejection.limit])
    assert verdict(replace(GOOD, **{name: failing})) is None


@pytest.mark.parametrize(
    ("quality", "kind"),
    [
        (replace(GOOD, transparency=0.25, sky_sigma_adu=52.0), None),
        (replace(GOOD, transparency=0.11), None),
        (replace(GOOD, transparency=0.09), RejectionKind.WEIGHT),
        (replace(GOOD, transparency=0.09, transparency_err=0.01), None),
        (replace(GOOD, sky_sigma_adu=290.0), None),
        (replace(GOOD, sky_sigma_adu=310.0), RejectionKind.WEIGHT),
        (replace(GOOD, elongation=2.4), None),
        (replace(GOOD, elongation=3.1), RejectionKind.ELONGATION),
        (replace(GOOD, fwhm_px=12.0, sky_adu=9000.0, stars=4), None),
        (FrameQuality(), None),
    ],
)
def test_only_hopeless_frames_are_refused_by_default(quality, kind):
    rejection = verdict(quality, gates=Gates())
    assert (rejection and rejection.kind) == kind


def test_factors_need_three_frames_and_the_elongation_none():
    bad = replace(GOOD, fwhm_px=9.0, transparency=0.01)
    gates = Gates(max_fwhm=1.5, min_transparency=0.5)
    for count in (0, 1, 2):
        baseline = Baseline((GOOD,) * count)
        assert verdict(bad, baseline, gates) is None
        assert verdict(replace(bad, elongation=4.0), baseline, gates).kind == "elongation"
    assert verdict(bad, Baseline((GOOD,) * 3), gates).kind == "fwhm"


def test_the_unknown_is_not_judged():
    gates = Gates(max_fwhm=1.1, max_elongation=1.2, min_transparency=0.9, max_sky=1.1)
    assert verdict(FrameQuality(stars=50), gates=gates) is None
    unknown = Baseline((FrameQuality(stars=50),) * 5)
    assert verdict(GOOD, unknown, gates) is None


def test_a_sky_below_zero_is_not_multiplied():
    baseline = Baseline((replace(GOOD, sky_adu=-2.0),) * 5)
    assert verdict(replace(GOOD, sky_adu=3.0), baseline, replace(OFF, max_sky=1.5)) is None


def test_the_usual_is_a_median_that_a_few_bad_frames_do_not_move():
    baseline = Baseline()
    for n in range(30):
        bad = replace(GOOD, fwhm_px=20.0, transparency=0.02, stars=3)
        baseline = baseline.with_frame(bad if n % 3 == 0 else GOOD)
    assert baseline.usual == GOOD
    baseline = baseline.with_frame(FrameQuality(stars=50))
    assert baseline.usual == GOOD


def test_the_usual_follows_the_night_in_bounded_memory():
    baseline, gates = Baseline(), Gates(max_sky=1.5)
    for _ in range(200):
        baseline = baseline.with_frame(GOOD)
    assert len(baseline) == 60
    moonlit = replace(GOOD, sky_adu=3000.0)
    refused = 0
    for _ in range(60):
        refused += verdict(moonlit, baseline, gates) is not None
        baseline = baseline.with_frame(moonlit)
    assert 25 <= refused <= 35


def test_nothing_seen():
    usual = Baseline().usual
    assert usual.stars == 0
    assert math.isnan(usual.fwhm_px)


def test_a_baseline_stays_as_it_was():
    before = Baseline((GOOD,))
    before.with_frame(replace(GOOD, fwhm_px=9.0))
    assert before == Baseline((GOOD,))


@pytest.mark.parametrize("name", [field.name for field in fields(Gates)])
@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (0, ValueError, "must be positive, got 0"),
        (-1.5, ValueError, "must be positive"),
        (float("nan"), ValueError, "must be positive, got nan"),
        (float("inf"), ValueError, "must be finite"),
        ("2", TypeError, "must be a real number, got '2'"),
        (True, TypeError, "must be a real number, got True"),
    ],
)
def test_gates_are_checked(name, value, error, words):
    with pytest.raises(error, match=f"{name} {words}"):
        Gates(**{name: value})


def test_which_side_of_one():
    for field in fields(Gates):
        wrong, rule = (0.9, "at least 1") if field.name.startswith("max_") else (1.1, "at most 1")
        with pytest.raises(ValueError, match=f"{field.name} must be {rule}.*got {wrong}"):
            Gates(**{field.name: wrong})
        assert getattr(Gates(**{field.name: 1}), field.name) == 1
        assert getattr(Gates(**{field.name: None}), field.name) is None
