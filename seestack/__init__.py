"""Live stacking of telescope frames, Jupyter-first.

Six functions turn frames into a stack and compose by hand: `detect`, `vote`,
`refine`, `warp`, `accumulate`, `stretch`. `LiveStacker` assembles them.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seestack.version import __version__

if TYPE_CHECKING:
    from seestack import plots
    from seestack.alpaca.discovery import discover
    from seestack.alpaca.simulator import SimulatedTelescope
    from seestack.config import Settings, load_settings
    from seestack.gates import Baseline, Gates, judge
    from seestack.masters import Calibration, CalibrationMismatchError, Master
    from seestack.merging import MergedPart, MergedStacks, merge_stacks
    from seestack.model import (
        Frame,
        FrameQuality,
        FrameRejected,
        FrameReport,
        Matches,
        Observation,
        Registration,
        RejectionKind,
        SourceError,
        Stack,
        Stars,
        Transform,
        UnreadableFrameError,
    )
    from seestack.plots import (
        plot_coverage,
        plot_matches,
        plot_offsets,
        plot_quality,
        plot_rejections,
        plot_snr_gain,
        show_image,
    )
    from seestack.restacking import MissingFramesError, restack
    from seestack.second_pass import StackDifference, compare_stacks, exact_stack
    from seestack.server.dashboard import Dashboard, serve
    from seestack.session import CaptureSession
    from seestack.simulation import StarField, random_field, simulate_frame
    from seestack.snapshots import Snapshot
    from seestack.sources.alpaca import AlpacaSource
    from seestack.sources.files import find_frames, read_frame
    from seestack.sources.folder import FileSource, FolderSource
    from seestack.sources.masters import read_calibration
    from seestack.sources.simulated import SimulatedSource
    from seestack.stacker import LiveStacker
    from seestack.steps.accumulation import accumulate, merge
    from seestack.steps.calibration import calibrate
    from seestack.steps.colour import debayer, luminance, luminance_of_colour
    from seestack.steps.combination import bad_pixels, make_master
    from seestack.steps.detection import detect
    from seestack.steps.forecast import SnrCurve, frames_for_snr
    from seestack.steps.normalization import normalize
    from seestack.steps.quality import frame_weight, measure_quality
    from seestack.steps.refinement import refine
    from seestack.steps.rejection import clip_outliers
    from seestack.steps.stretching import stretch
    from seestack.steps.targets import Target, brightest_region, target_snr
    from seestack.steps.voting import vote
    from seestack.steps.warping import warp, warp_colour, warp_mosaic
    from seestack.storage.checkpoint import (
        Checkpoint,
        CheckpointError,
        read_checkpoint,
        write_checkpoint,
    )
    from seestack.storage.fits import write_frame, write_stack
    from seestack.storage.ledger import write_frames_csv
    from seestack.storage.stackfile import StackFileError, read_observation, read_stack
    from seestack.tables import as_dataframe, as_table
    from seestack.widgets.control import Place
    from seestack.widgets.panel import LivePanel, live

# Where each public name lives; a module is imported when its first name is used.
_HOMES = {
    "alpaca.discovery": ("discover",),
    "alpaca.simulator": ("SimulatedTelescope",),
    "config": ("Settings", "load_settings"),
    "gates": ("Baseline", "Gates", "judge"),
    "masters": ("Calibration", "CalibrationMismatchError", "Master"),
    "merging": ("MergedPart", "MergedStacks", "merge_stacks"),
    "model": (
        "Frame",
        "FrameQuality",
        "FrameRejected",
        "FrameReport",
        "Matches",
        "Observation",
        "Registration",
        "RejectionKind",
        "SourceError",
        "Stack",
        "Stars",
        "Transform",
        "UnreadableFrameError",
    ),
    "plots": (
        "plot_coverage",
        "plot_matches",
        "plot_offsets",
        "plot_quality",
        "plot_rejections",
        "plot_snr_gain",
        "show_image",
    ),
    "restacking": ("MissingFramesError", "restack"),
    "second_pass": ("StackDifference", "compare_stacks", "exact_stack"),
    "server.dashboard": ("Dashboard", "serve"),
    "session": ("CaptureSession",),
    "simulation": ("StarField", "random_field", "simulate_frame"),
    "snapshots": ("Snapshot",),
    "sources.alpaca": ("AlpacaSource",),
    "sources.files": ("find_frames", "read_frame"),
    "sources.folder": ("FileSource", "FolderSource"),
    "sources.masters": ("read_calibration",),
    "sources.simulated": ("SimulatedSource",),
    "stacker": ("LiveStacker",),
    "storage.checkpoint": (
        "Checkpoint",
        "CheckpointError",
        "read_checkpoint",
        "write_checkpoint",
    ),
    "storage.fits": ("write_frame", "write_stack"),
    "storage.ledger": ("write_frames_csv",),
    "storage.stackfile": ("StackFileError", "read_observation", "read_stack"),
    "steps.accumulation": ("accumulate", "merge"),
    "steps.calibration": ("calibrate",),
    "steps.colour": ("debayer", "luminance", "luminance_of_colour"),
    "steps.combination": ("bad_pixels", "make_master"),
    "steps.detection": ("detect",),
    "steps.forecast": ("SnrCurve", "frames_for_snr"),
    "steps.normalization": ("normalize",),
    "steps.quality": ("frame_weight", "measure_quality"),
    "steps.refinement": ("refine",),
    "steps.rejection": ("clip_outliers",),
    "steps.stretching": ("stretch",),
    "steps.targets": ("Target", "brightest_region", "target_snr"),
    "steps.voting": ("vote",),
    "steps.warping": ("warp", "warp_colour", "warp_mosaic"),
    "tables": ("as_dataframe", "as_table"),
    "widgets.control": ("Place",),
    "widgets.panel": ("LivePanel", "live"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [*_MODULE_OF, "__version__", "plots"]


def __getattr__(name: str) -> Any:
    if name == "plots":
        return import_module("seestack.plots")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'seestack' has no attribute {name!r}")
    value = getattr(import_module(f"seestack.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Show values as pictures and numbers; ``%load_ext seestack`` where IPython came later."""
    import_module("seestack.display").register(shell)


# In a notebook this happens with the import, and costs no import of IPython elsewhere.
_get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
if _get_ipython is not None and (_shell := _get_ipython()) is not None:
    load_ipython_extension(_shell)
