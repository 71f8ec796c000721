"""Loops in wide and in narrow vectors give the same bits."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import seestack.compiled
from seestack.compiled import processor

STACK = """
import hashlib, sys
import seestack.compiled
from seestack.compiled import processor
if sys.argv[1] == "plain":
    import importlib
    for name in sys.argv[2:]:
        setattr(seestack.compiled, name, importlib.import_module(f"seestack.compiled.{name}"))
from seestack import Frame, LiveStacker, Transform
from seestack.simulation import random_field, simulate_frame
digest = hashlib.sha256()
field = random_field((200, 310), 60, seed=3)
for bayer in (None, "GRBG"):
    stacker = LiveStacker()
    for n in range(5):
        motion = Transform.rigid(rotation_deg=0.4 * n, shift_px=(2.3 * n, -1.7 * n))
        image = simulate_frame(field, (200, 310), transform=motion, seed=n)
        report = stacker.add_frame(Frame(image, bayer=bayer))
        assert report["accepted"], report["reason"]
        digest.update(repr(sorted(report.items())).encode())
    digest.update(stacker.stack.mean.tobytes() + stacker.stack.m2.tobytes())
    digest.update(stacker.preview_png(100))
print(digest.hexdigest(), sys.modules["seestack.compiled.sums"].__name__ if sys.argv[1] == "plain"
      else sys.modules["seestack.compiled.avx2.sums"].__name__)
"""
LOOPS = (
    *("boxes", "circles", "extremes", "footprints", "hot", "levels", "maxima", "moffat"),
    *("mosaics", "photons", "polynomials", "ranks", "rings", "search", "shears", "sites"),
    *("skies", "stamps", "sums", "surroundings", "systems", "votes"),
)


def test_every_loop_is_compared():
    sources = Path(seestack.compiled.__file__).parent.glob("*.pyi")
    assert sorted(LOOPS) == sorted({path.stem for path in sources} - {"processor"})


@pytest.mark.skipif(
    not processor.has_avx2() or find_spec("seestack.compiled.avx2.sums") is None,
    reason="this processor has no AVX2, or the loops were built without it",
)
def test_the_stack_is_the_same_in_wide_and_in_narrow_vectors():
    found = {
        flavour: subprocess.check_output([sys.executable, "-c", STACK, flavour, *LOOPS], text=True)
        for flavour in ("plain", "wide")
    }
    digests = {flavour: line.split()[0] for flavour, line in found.items()}
    assert digests["plain"] == digests["wide"]
    assert found["plain"].split()[1] == "seestack.compiled.sums"
    assert found["wide"].split()[1] == "seestack.compiled.avx2.sums"
