"""The stars of real frames, against DAOStarFinder on the whole frame."""

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from photutils.detection import DAOStarFinder

from seestack import detect, find_frames, read_frame
from seestack.steps.colour import luminance

FRAMES = {
    "seestar_s50_ngc7023_altaz": (None, 200),
    "seestar_s50_m94_n3": (None, 40),
    "eaa_arp186_asi290mini": (None, 30),
    "eaa_m27_asi224mc": (None, 200),
    "singles": ("qhy268m_rasa11_wcs_sip_6s.fit.fz", 100),
}


def found_by_daofind(image, fwhm):
    """Return positions and peaks of stars at 8 sigma, brightest first."""
    _, sky, noise = sigma_clipped_stats(image[::2, ::2], sigma=3.0)
    table = DAOStarFinder(8 * noise, fwhm).find_stars(image - sky)
    order = np.argsort(-np.asarray(table["flux"]))
    xy = np.column_stack([table["x_centroid"], table["y_centroid"]])
    return xy[order], np.asarray(table["peak"])[order]


@pytest.mark.parametrize(("folder", "name", "least"), [(k, *v) for k, v in FRAMES.items()])
def test_the_stars_that_matter_are_the_same(data_folder, folder, name, least):
    path = data_folder / folder / name if name else find_frames(data_folder / folder)[0]
    frame = read_frame(path)
    image = luminance(frame.image, frame.bayer).astype(np.float32)
    ours = detect(image, max_stars=120)
    theirs, peak = found_by_daofind(image, max(float(np.median(ours.fwhm_px)), 2.0))
    assert len(theirs) >= least
    distance = np.linalg.norm(ours.xy[:, None] - theirs[None], axis=2)
    nearest = distance[:40].min(axis=1)
    assert np.mean(nearest < 1.0) >= 0.9
    # Their centroids are those of the marginal sums, which know no shared profile.
    assert np.median(nearest) < 0.2
    # Saturated stars are none for us.
    unsaturated = peak < 0.9 * peak.max()
    assert np.mean(distance.min(axis=0)[unsaturated][:40] < 1.0) >= 0.9
