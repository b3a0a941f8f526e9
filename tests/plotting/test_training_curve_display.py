"""Curves of trainings: what is drawn against what."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.plotting import TrainingCurveDisplay
from tests.plotting.pictures import histories


def titles(display):
    return [ax.get_title() for ax in display.ax_]


def points(line):
    return np.transpose(line.get_data()).tolist()


def test_all_losses_and_errors_against_epochs(plates, tiny_gan):
    model = tiny_gan(max_epochs=3, validation_fraction=0.4, perceptual="discriminator")
    model.fit(*plates)
    display = TrainingCurveDisplay.from_estimator(model)
    losses = [key for key in model.history_[0] if key.endswith("_loss")]
    assert len(losses) == 5
    names = [key.replace("_", " ") for key in losses]
    errors = ["training RMSE", "validation RMSE"]
    assert titles(display) == names + errors
    for ax, key in zip(display.ax_, [*losses, "rmse", "validation_rmse"], strict=True):
        wanted = [[entry["epoch"], entry[key]] for entry in model.history_]
        assert points(ax.lines[0]) == wanted
        assert ax.get_xlabel() == "epoch"
    assert display.histories == {"GANBinarizer": model.history_}


def test_against_seconds_since_the_beginning():
    history = histories()["one"]
    display = TrainingCurveDisplay.from_results(history, x="seconds")
    found = display.ax_[0].lines[0].get_xdata()
    assert found.tolist() == [2.0 * i for i in range(1, 11)]
    assert display.ax_[0].get_xlabel() == "seconds of training"
    assert display.plot().ax_[0].get_xlabel() == "epoch"


def test_a_dot_marks_the_best_epoch():
    display = TrainingCurveDisplay.from_results(
        histories(), quantities=["validation_rmse"]
    )
    line, dot = display.ax_[0].lines
    # 0.3 + 0.01 (epoch - 7)^2; the other training set no pairs aside.
    assert points(dot) == [[7, pytest.approx(0.3)]]
    assert len(points(line)) == 10


def test_dollars_in_names_are_no_formulas():
    name = "$a^$"  # as a formula it is an error
    history = [{"epoch": 1, "content_loss": 0.5}, {"epoch": 2, "content_loss": 0.25}]
    display = TrainingCurveDisplay({name: history, "other": history}).plot()
    display.figure_.canvas.draw()


def test_several_trainings_lie_in_each_panel(plates, tiny_gan):
    models = {
        "with": tiny_gan(max_epochs=2).fit(*plates),
        "without": make_pipeline(tiny_gan(adversarial_weight=0)).fit(*plates),
        "search": GridSearchCV(tiny_gan(), {"K2": [9]}, cv=2).fit(*plates),
    }
    display = TrainingCurveDisplay.from_estimator(models)
    panels = dict(zip(titles(display), display.ax_, strict=True))
    assert len(panels["content loss"].lines) == 3
    assert len(panels["discriminator loss"].lines) == 2
    styles = {
        (li.get_color(), li.get_linestyle()) for li in panels["content loss"].lines
    }
    assert len(styles) == 3
    legends = [ax.get_legend() for ax in display.ax_ if ax.get_legend()]
    assert [t.get_text() for t in legends[0].texts] == list(models)
    assert len(legends) == 1
    # One epoch is a point, which a line alone would not show.
    assert [line.get_marker() for line in panels["content loss"].lines[1:]] == [
        ".",
        ".",
    ]


def test_gaps_stay_gaps():
    history = [
        {"epoch": 1, "rmse": 0.5, "content_loss": 1.0, "seconds": 1.0},
        {"epoch": 2, "rmse": 0.4, "seconds": 1.0},
        {"epoch": 3, "rmse": 0.3, "content_loss": float("nan"), "seconds": 1.0},
    ]
    display = TrainingCurveDisplay.from_results({"one": history})
    assert np.isnan(display.ax_[0].lines[0].get_ydata()).tolist() == [False, True, True]
    assert display.ax_[0].lines[0].get_marker() == "."


def test_what_cannot_be_shown(plates, tmp_path, tiny_gan):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(GANBinarizer())
    otsu = OtsuBinarizer().fit(*plates)
    with pytest.raises(TypeError, match="'otsu' has no training to show: a OtsuBin"):
        TrainingCurveDisplay.from_estimator({"otsu": otsu})
    tiny_gan().fit(*plates).save(tmp_path / "model.safetensors")
    loaded = GANBinarizer.load(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"'GANBinarizer' is empty: .*_state=True"):
        TrainingCurveDisplay.from_estimator(loaded)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"x": "hours"},
            ValueError,
            "x must be one of 'epoch', 'seconds', got 'hours'",
        ),
        ({"quantities": ["loss"]}, ValueError, "one of 'content_loss', 'rmse'.*'loss'"),
        ({"quantities": []}, ValueError, r"sequence of keys .* got \[\]"),
        ({"quantities": "rmse"}, ValueError, "sequence of keys .* got 'rmse'"),
        ({"histories": {}}, ValueError, "at least one, got {}"),
        ({"histories": []}, ValueError, "'training' is empty"),
        ({"histories": {0: histories()["one"]}}, TypeError, "must be strings, got 0"),
    ],
)
def test_bad_input(options, error, message):
    import matplotlib.pyplot as plt

    with pytest.raises(error, match=message):
        TrainingCurveDisplay.from_results(**({"histories": histories()} | options))
    assert plt.get_fignums() == []
