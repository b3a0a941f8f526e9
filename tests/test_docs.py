"""What the pages of the documentation tell people to run, runs.

Python, one piece after the other; the commands of deploying.md and command_line.md have
tests of their own (`tests/export/test_recipes.py`, `tests/cli/test_documentation.py`),
and README's are run by .ci/run.
"""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from sklearn import decomposition, ensemble, inspection, model_selection, preprocessing
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.feature_selection import RFE
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEXTS = {
    str(path.relative_to(DOCS)): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
}
PAGES = [
    page
    for page, text in TEXTS.items()
    if "```python" in text and page != "deploying.md"
]
#: Each command of a script, with the pages that show it: a line of a shell block.
SCRIPTS: dict[str, set[str]] = {}
for page, text in TEXTS.items():
    for language, block in re.findall(r"^```(\S*)\n(.*?)^```$", text, re.S | re.M):
        if language not in ("", "bash"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "python" in words and "pytest" not in words and "venv" not in words:
                command = shlex.join(words[words.index("python") + 1 :])
                SCRIPTS.setdefault(command, set()).add(page)

if not DOCS.exists():  # the tests run away from the sources
    pytest.skip("the documentation is not here", allow_module_level=True)


@pytest.fixture
def few_epochs(monkeypatch):
    """Pages train for as long as it takes; here it is enough that they train."""
    fit = GANBinarizer.fit

    @functools.wraps(fit)
    def short(self, *arguments, **options):
        epochs, self.max_epochs = self.max_epochs, 1
        try:
            return fit(self, *arguments, **options)
        finally:
            self.max_epochs = epochs

    monkeypatch.setattr(GANBinarizer, "fit", short)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of photos and truths, as pages call them, in the current directory."""
    X, Y = make_blurred_plates(12, (32, 48), random_state=0)
    for blurred, binary in [("blurred", "binary"), ("photos", "truths")]:
        for name, images in ((blurred, X), (binary, Y * 255)):
            (tmp_path / name).mkdir()
            for i, image in enumerate(images):
                Image.fromarray(image).save(tmp_path / name / f"{i:02d}.png")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tensorboard(monkeypatch):
    """What the page's callback calls; TensorBoard is no dependency of the tests."""
    writer = Mock()
    module = SimpleNamespace(SummaryWriter=lambda: writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return writer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", PAGES)
def test_pages_run(page, few_epochs, folders, tensorboard, capsys):
    text = TEXTS[page]
    names: dict[str, object] = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M))
    assert blocks
    for block in blocks:
        # Line numbers of errors are those of the page.
        lines = text[: block.start(1)].count("\n")
        exec(compile("\n" * lines + block.group(1), page, "exec"), names)
    if "PrintEpochs" in text:
        (line,) = re.findall("^epoch .*$", capsys.readouterr().out, re.M)
        history = names["printing"].history_[-1]
        kinds = ("content", "adversarial", "discriminator", "generator")
        for name in (*(f"{kind}_loss" for kind in kinds), "validation_rmse"):
            assert f"  {name} {history[name]:.4f}" in line
    if "SummaryWriter" in text:
        seen = {call.args[0] for call in tensorboard.add_scalar.call_args_list}
        assert {"epoch", "rmse", "content_loss", "seconds"} <= seen
        tensorboard.close.assert_called_once_with()


@functools.cache
def help_of(*words: str) -> str:
    """What a script, or one of its subcommands, tells of its options."""
    run = subprocess.run(
        [sys.executable, *words, "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return run.stdout


@pytest.mark.parametrize("command", SCRIPTS)
def test_scripts_that_pages_name_take_what_they_are_given(command):
    """Measuring takes hours: here it is enough that the command line is understood."""
    words = shlex.split(command)
    if words[0] == "-m":
        words[:2] = [f"{words[1].replace('.', '/')}.py"]
    script, *given = words
    code = (ROOT / script).read_text(encoding="utf-8")
    if "argparse" not in code:
        assert given == []
        compile(code, script, "exec")
        return
    told = help_of(script, *given[: "add_subparsers" in code])
    for word in given:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", told), SCRIPTS[command]


REFUSE_IMAGES = {
    "StratifiedKFold": lambda m, X, Y: list(
        model_selection.StratifiedKFold(2).split(X, Y)
    ),
    "FeatureUnion": lambda m, X, Y: FeatureUnion([("m", m)]).fit_transform(X, Y),
    "ColumnTransformer": lambda m, X, Y: ColumnTransformer([("m", m, [0])]).fit(X, Y),
    "StandardScaler": lambda m, X, Y: preprocessing.StandardScaler().fit(X),
    "PCA": lambda m, X, Y: decomposition.PCA().fit(X),
    "permutation_importance": lambda m, X, Y: inspection.permutation_importance(
        m.fit(X, Y), X, Y
    ),
    "partial_dependence": lambda m, X, Y: inspection.partial_dependence(
        m.fit(X, Y), X, [0]
    ),
    "RFE": lambda m, X, Y: RFE(m).fit(X, Y),
    "BaggingRegressor": lambda m, X, Y: ensemble.BaggingRegressor(m).fit(X, Y),
    "VotingRegressor": lambda m, X, Y: ensemble.VotingRegressor([("m", m)]).fit(X, Y),
    "StackingRegressor": lambda m, X, Y: ensemble.StackingRegressor([("m", m)]).fit(
        X, Y
    ),
    "MultiOutputRegressor": lambda m, X, Y: MultiOutputRegressor(m).fit(X, Y),
    "TransformedTargetRegressor": lambda m, X, Y: TransformedTargetRegressor(m).fit(
        X, Y
    ),
    "TunedThresholdClassifierCV": lambda m, X, Y: (
        model_selection.TunedThresholdClassifierCV(m).fit(X, Y)
    ),
    "CalibratedClassifierCV": lambda m, X, Y: CalibratedClassifierCV(m).fit(X, Y),
    'scoring="neg_root_mean_squared_error"': lambda m, X, Y: (
        model_selection.cross_val_score(
            m,
            X,
            Y,
            cv=2,
            scoring="neg_root_mean_squared_error",
            error_score="raise",
        )
    ),
}


@pytest.mark.parametrize("tool", REFUSE_IMAGES)
def test_what_the_page_says_refuses_images_does(tool, plates):
    assert f"`{tool}`" in TEXTS["scikit_learn.md"]
    with pytest.raises(ValueError):  # noqa: PT011  (their own words)
        REFUSE_IMAGES[tool](OtsuBinarizer(), *plates)


def test_what_the_page_says_takes_images_does(plates):
    X, Y = plates
    few = {"cv": model_selection.KFold(2)}
    otsu = OtsuBinarizer()
    for images, truths in [(X, Y), (list(X), list(Y))]:
        model_selection.cross_validate(otsu, images, truths, **few)
        model_selection.learning_curve(
            otsu, images, truths, train_sizes=[1, 2, 3], **few
        )
        model_selection.permutation_test_score(
            otsu, images, truths, n_permutations=2, **few
        )
    groups = [0, 0, 1, 1, 2, 2]
    for options in (
        {"cv": model_selection.GroupKFold(2), "groups": groups},
        {"cv": model_selection.ShuffleSplit(2)},
    ):
        scores = model_selection.cross_val_score(otsu, X, Y, **options)
        assert np.isfinite(scores).all()
    mixed = [image[: 20 + i] for i, image in enumerate(X)]
    truths = [image[: 20 + i] for i, image in enumerate(Y)]
    with pytest.raises(ValueError):  # noqa: PT011
        model_selection.cross_val_predict(otsu, mixed, truths, **few)
