"""What README tells people to run, runs."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from skdeblurbin.datasets import make_blurred_plates

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def blocks():
    """The pieces of Python: with the trained model, and with training."""
    text = README.read_text(encoding="utf-8")
    pretrained, training = re.findall(r"```python\n(.*?)```", text, re.S)
    return {"pretrained": pretrained, "training": training}


def test_the_trained_model_takes_photos_of_any_size(blocks):
    X, _ = make_blurred_plates(2, (60, 140), "plate", random_state=0)
    names = {"photos": [X[0], np.stack([X[1][:50]] * 3, axis=-1)]}
    exec(compile(blocks["pretrained"], "README.md", "exec"), names)
    assert [image.shape for image in names["binary"]] == [(60, 140), (50, 140)]
    assert all(set(np.unique(image)) <= {0, 1} for image in names["binary"])


def test_training_runs_and_beats_nothing_silently(blocks):
    printed = io.StringIO()
    names = {}
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks["training"], "README.md", "exec"), names)
    assert names["binary"].shape == (10, 48, 72)
    assert set(names["binary"].ravel()) == {0, 1}
    assert 0 <= names["grey"].min() < names["grey"].max() <= 1
    assert re.search(r"GAN .*\d", printed.getvalue())


def test_the_ten_lines_are_ten(blocks):
    lines = [line for line in blocks["training"].splitlines() if line.strip()]
    assert len(lines) == 10


def test_files_that_readme_names_are_there():
    text = README.read_text(encoding="utf-8")
    root = README.parent
    named = re.findall(r"\]\(([\w/.-]+)\)", text)
    named += re.findall(r"\b((?:examples|tests|docs)/[\w/.-]+\w)", text)
    assert len(named) > 3
    if not (root / "docs").exists():  # the tests run away from the sources
        named = [name for name in named if not name.startswith("docs/")]
    built = ("LICENSE", "docs/_build/html")
    missing = [n for n in named if n not in built and not (root / n).exists()]
    assert missing == []
