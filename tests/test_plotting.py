import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skdeblurbin import OtsuBinarizer
from skdeblurbin.plotting import BinarizationDisplay

GAP = 4


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def sheet_of(display):
    return np.asarray(display.ax_.images[0].get_array())


def test_every_picture_stands_in_its_row_and_column(plates):
    X, Y = plates
    X, Y = X[:3], Y[:3]
    display = BinarizationDisplay.from_predictions(X, {"ours": 1 - Y}, Y)
    _, height, width = X.shape
    sheet = sheet_of(display)
    assert sheet.shape == (3 * (height + GAP) - GAP, 3 * (width + GAP) - GAP)
    for row in range(3):
        for column, images in enumerate((X, 1 - Y, Y)):
            top, left = row * (height + GAP), column * (width + GAP)
            shown = sheet[top : top + height, left : left + width]
            wanted = images[row].astype(float)
            if images is X:
                wanted = wanted / (255 if X.max() > 1 else 1)
            np.testing.assert_allclose(shown, wanted, atol=1e-6)
    titles = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert titles == ["blurred", "ours", "truth"]
    # Each title stands over the middle of its column.
    middles = [width / 2 + i * (width + GAP) for i in range(3)]
    np.testing.assert_allclose(display.ax_.get_xticks(), middles)


def test_from_estimator_shows_otsu_beside_another_binarizer(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan().fit(X, Y)
    display = BinarizationDisplay.from_estimator(model, X[:2], Y[:2])
    assert list(display.columns) == ["blurred", "Otsu", "GANBinarizer", "truth"]
    without_truth = BinarizationDisplay.from_estimator(model, X[:2])
    assert list(without_truth.columns) == ["blurred", "Otsu", "GANBinarizer"]


def test_from_estimator_with_a_pipeline(plates):
    X, Y = plates
    pipeline = make_pipeline(OtsuBinarizer()).fit(X, Y)
    display = BinarizationDisplay.from_estimator(pipeline, X[:2], Y[:2])
    assert list(display.columns) == ["blurred", "Otsu", "Pipeline", "truth"]


def test_mixed_sizes():
    X = [np.zeros((10, 30)), np.eye(20)]
    display = BinarizationDisplay.from_predictions(X, {"same": X})
    assert sheet_of(display).shape == (10 + GAP + 20, 2 * 30 + GAP)


def test_draws_into_given_axes(plates):
    X, _ = plates
    figure, ax = plt.subplots()
    display = BinarizationDisplay.from_predictions(X[:1], {}, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    again = display.plot()
    assert again is display
    assert display.ax_ is not ax


def test_pictures_that_do_not_belong_together_are_refused(plates):
    X, _ = plates
    with pytest.raises(ValueError, match="column 'ours' must hold one image"):
        BinarizationDisplay.from_predictions(X[:2], {"ours": X[:1]})
    with pytest.raises(ValueError, match="column 'ours' must hold one image"):
        BinarizationDisplay.from_predictions(X[:2], {"ours": X[:2, :-1]})
    assert plt.get_fignums() == []


def test_without_matplotlib_the_error_names_the_extra(plates, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    X, _ = plates
    with pytest.raises(ImportError, match=r"skdeblurbin\[plots\]"):
        BinarizationDisplay.from_predictions(X[:1], {})
