"""The displays against pictures that were looked at: see `pictures.py`."""

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images

from skdeblurbin.plotting import _errors, _search_panels, _shared, reading, training
from tests.plotting.pictures import BASELINE, SCENES, draw

# Root mean square over the pixels, of 255 grey levels. Measured against the baselines,
# of matplotlib 3.11.2: 5.8 at most with 3.9.4 and 3.10.3, 6.5 with other hinting, 6.0
# with another font. What is wrong in the second test makes 9.2 or more.
TOLERANCE = 7.0


def difference(name, folder):
    """None if a scene looks like its baseline, else how it differs."""
    file = folder / f"{name}.png"
    draw(name, file)
    files = str(BASELINE / file.name), str(file)
    return compare_images(*files, tol=TOLERANCE, in_decorator=True)


def test_every_scene_has_a_baseline_and_none_is_left_over():
    assert {file.stem for file in BASELINE.glob("*.png")} == set(SCENES)
    assert sum(file.stat().st_size for file in BASELINE.glob("*.png")) < 100_000


@pytest.mark.parametrize("name", SCENES)
def test_scenes_look_like_their_baselines(name, tmp_path):
    assert difference(name, tmp_path) is None


COLOURS = _errors._COLOURS
WRONG = {
    "missed and false ink exchanged": (
        "binarization",
        (_errors, "_COLOURS", (*COLOURS[:2], *COLOURS[:1:-1])),
    ),
    "right ink not shown": (
        "binarization",
        (_errors, "_COLOURS", (COLOURS[0], *COLOURS[:1], *COLOURS[2:])),
    ),
    "colours of two trainings exchanged": (
        "training",
        (_shared, "_COLOURS", _shared._COLOURS[1::-1]),
    ),
    "seconds of each epoch, instead of their sum": (
        "training_seconds",
        (
            training,
            "_column",
            lambda history, key: np.array([entry[key] for entry in history]).view(
                type("Unsummed", (np.ndarray,), {"cumsum": lambda self: self})
            ),
        ),
    ),
    "the sign of the scores": (
        "search_maps",
        (_search_panels.Scores, "means", property(lambda s: s.candidates.means)),
    ),
    "no error bars": (
        "search_curves",
        (_search_panels.Scores, "spreads", np.zeros(12)),
    ),
    "a front of one": (
        "search_times",
        (_search_panels, "pareto_front", lambda *_: [0]),
    ),
    "no bands": (
        "reading",
        (reading, "bootstrap_interval", lambda rates, **_: (rates.mean(),) * 2),
    ),
    "no bands of differences": (
        "reading_differences",
        (reading, "bootstrap_interval", lambda rates, **_: (rates.mean(),) * 2),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_seen(what, tmp_path, monkeypatch):
    name, patch = WRONG[what]
    monkeypatch.setattr(*patch)
    assert difference(name, tmp_path)["rms"] > TOLERANCE


def test_wrong_pictures_are_of_all_scenes():
    assert {name for name, _ in WRONG.values()} == set(SCENES)
