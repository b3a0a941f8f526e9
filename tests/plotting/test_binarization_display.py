"""Plates side by side: pictures, titles, scores and error maps."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay


def shown(ax):
    return np.asarray(ax.images[0].get_array())


def headings(display):
    return [ax.get_title().split("\n")[0] for ax in display.ax_[0]]


def test_every_picture_stands_in_its_row_and_column(plates):
    X, Y = plates.X[:3], plates.Y[:3]
    display = BinarizationDisplay.from_predictions(X, {"ours": 1 - Y}, Y, errors_of=())
    assert display.ax_.shape == (3, 3)
    assert headings(display) == ["blurred", "ours", "truth"]
    for row in range(3):
        for column, images in enumerate((X / 255, 1 - Y, Y)):
            found = shown(display.ax_[row, column])
            np.testing.assert_allclose(found, images[row], atol=1e-6)
    assert display.ax_[0, 0].images[0].get_clim() == (0, 1)


def test_the_error_map_tells_missed_ink_from_false_ink():
    truth = np.array([[[0, 0, 1, 1], [0, 1, 1, 0]]])
    found = np.array([[[0, 1, 0, 1], [0, 1, 1, 0]]])
    display = BinarizationDisplay.from_predictions(truth, {"ours": found}, truth)
    # 0 paper, 1 ink, 2 missed ink, 3 false ink
    assert display.errors["ours"][0].tolist() == [[1, 2, 3, 0], [1, 0, 0, 1]]
    picture = (255 * shown(display.ax_[0, 3])).round().astype(int)
    grey, vermilion, blue, white = (191,) * 3, (213, 94, 0), (0, 114, 178), (255,) * 3
    assert picture[0].tolist() == [list(c) for c in (grey, vermilion, blue, white)]
    legend = display.ax_[0, 3].get_legend()
    assert [text.get_text() for text in legend.texts] == ["missed ink", "false ink"]
    patches = [patch.get_facecolor()[:3] for patch in legend.get_patches()]
    np.testing.assert_allclose(np.multiply(patches, 255), [vermilion, blue], atol=0.5)


# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of
# Color Vision Deficiency", IEEE TVCG 15 (2009), for severity 1: on linear RGB.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3).tolist(),
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colour_blind_people_can_tell_the_errors_apart(kind):
    from skimage.color import deltaE_ciede2000, rgb2lab

    from skdeblurbin.plotting._errors import paint_errors

    colours = paint_errors(np.arange(4))
    linear = np.where(
        colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4
    )
    seen = (linear @ np.transpose(BLINDNESS[kind])).clip(0, 1)
    seen = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(seen)
    distances = deltaE_ciede2000(lab[:, None], lab[None])[np.triu_indices(4, 1)]
    # Of paper, right ink, missed and false ink; about 2 can just be told apart.
    assert distances[1:].min() > 25
    assert distances[-1] > 40  # missed and false ink


def test_scores_are_those_of_the_metrics(plates):
    X, Y = plates.X[:2], plates.Y[:2]
    found = np.roll(Y, 2, axis=2)
    display = BinarizationDisplay.from_predictions(X, {"a": found, "grey": X}, Y)
    assert list(display.scores) == ["a"]
    rmse = root_mean_squared_error(Y, found, per_image=True)
    f = f_measure(Y, found, per_image=True)
    np.testing.assert_array_equal(display.scores["a"]["RMSE"], rmse)
    np.testing.assert_array_equal(display.scores["a"]["F"], f)
    assert display.ax_[0, 1].get_title() == f"a\nRMSE {rmse[0]:.3f}  F {f[0]:.3f}"
    assert display.ax_[1, 1].get_title() == f"RMSE {rmse[1]:.3f}  F {f[1]:.3f}"
    only = BinarizationDisplay.from_predictions(X, {"a": found}, Y, scores=["rmse"])
    assert only.ax_[1, 1].get_title() == f"RMSE {rmse[1]:.3f}"
    none = BinarizationDisplay.from_predictions(X, {"a": found}, Y, scores=())
    assert none.ax_[0, 1].get_title() == "a"


def test_each_binary_column_has_its_own_encoding(plates):
    X, Y = plates.X[:2], plates.Y[:2]
    columns = {"bool": Y == 1, "bytes": 255 * Y, "1 and 2": Y + 1.0, "ink": 0 * Y}
    display = BinarizationDisplay.from_predictions(X, columns, Y, errors_of=columns)
    for title in ("bool", "bytes", "1 and 2"):
        np.testing.assert_array_equal(display.columns[title], Y)
        np.testing.assert_array_equal(display.scores[title]["RMSE"], 0)
    assert not np.any(display.columns["ink"])
    np.testing.assert_array_equal(display.errors["ink"], np.where(Y == 1, 3, 1))
    # A truth of one value is what `classes` says.
    paper = BinarizationDisplay.from_predictions(
        X, {"ours": Y}, np.full_like(Y, 255), classes=(255, 0)
    )
    np.testing.assert_array_equal(paper.columns["truth"], 1)


def test_from_estimator_shows_otsu_and_grey_output_beside_it(plates, tiny_gan):
    X, Y = plates.X[:2], plates.Y[:2]
    model = tiny_gan().fit(*plates)
    display = BinarizationDisplay.from_estimator(model, X, Y)
    names = ["blurred", "grey output", "Otsu", "GANBinarizer", "truth"]
    assert list(display.columns) == names
    np.testing.assert_array_equal(display.columns["GANBinarizer"], model.predict(X))
    np.testing.assert_allclose(display.columns["grey output"], model.deblur(X))
    np.testing.assert_array_equal(
        display.columns["Otsu"], OtsuBinarizer().fit(X).predict(X)
    )
    assert list(display.errors) == ["GANBinarizer"]
    without_truth = BinarizationDisplay.from_estimator(model, X)
    assert list(without_truth.columns) == names[:-1]
    assert without_truth.scores == without_truth.errors == {}
    otsu = BinarizationDisplay.from_estimator(OtsuBinarizer().fit(*plates), X, Y)
    assert list(otsu.columns) == ["blurred", "OtsuBinarizer", "truth"]


def halve(X):
    return X // 2


def test_grey_output_within_pipelines_and_searches(plates, tiny_gan):
    X = plates.X[:2]
    steps = (FunctionTransformer(halve), "passthrough", tiny_gan())
    search = GridSearchCV(make_pipeline(*steps), {"ganbinarizer__K2": [100]}, cv=2)
    search.fit(*plates)
    display = BinarizationDisplay.from_estimator(search, X, plates.Y[:2])
    grey = search.best_estimator_[-1].deblur(X // 2)
    np.testing.assert_allclose(display.columns["grey output"], grey)
    assert list(display.errors) == ["GridSearchCV"]
    middle = make_pipeline(tiny_gan(), OtsuBinarizer()).fit(*plates)
    display = BinarizationDisplay.from_estimator(middle, X)
    assert list(display.columns) == ["blurred", "Otsu", "Pipeline"]


def test_steps_before_a_binarizer_without_grey_output_run_once(plates):
    calls = []
    step = FunctionTransformer(lambda X: calls.append(len(X)) or X)
    pipeline = make_pipeline(step, OtsuBinarizer()).fit(*plates)
    calls.clear()
    BinarizationDisplay.from_estimator(pipeline, plates.X[:2])
    assert calls == [2]


def test_rows_of_pixels_are_shown_as_images(plates):
    X, Y = (images[:2].reshape(2, -1) for images in plates)
    binarizer = SauvolaBinarizer(image_shape=(24, 40)).fit(X, Y)
    display = BinarizationDisplay.from_estimator(binarizer, X, Y)
    for name, pictures in display.columns.items():
        assert [picture.shape for picture in pictures] == [(24, 40)] * 2, name


def test_mixed_sizes_keep_their_shape():
    X = [np.zeros((10, 30)), np.eye(20), np.zeros((4, 90)), np.zeros((90, 4))]
    display = BinarizationDisplay.from_predictions(X, {"same": X})
    for ax, image in zip(display.ax_[:, 1], X, strict=True):
        height, width = image.shape
        assert shown(ax).shape == image.shape
        assert ax.get_aspect() == 1
        # The whole picture, and nothing beside it but where it is an extreme one.
        across, down = np.abs(np.diff([ax.get_xlim(), ax.get_ylim()])).ravel()
        assert across >= width - 1e-9
        assert down >= height - 1e-9
        assert (across, down) == (width, height) or not 0.1 <= height / width <= 2


def test_photos_alone(plates):
    display = BinarizationDisplay.from_predictions(plates.X[:2], {})
    assert display.ax_.shape == (2, 1)
    assert display.ax_[0, 0].get_title() == "blurred"
    # A truth of nothing that it could be compared with.
    with_truth = BinarizationDisplay.from_predictions(plates.X[:2], {}, plates.Y[:2])
    assert list(with_truth.columns) == ["blurred", "truth"]
    assert with_truth.errors == {}


def test_long_titles_are_broken(plates):
    X, Y = plates.X[:1], plates.Y[:1]
    name = "a binarizer with a name of some length"
    display = BinarizationDisplay.from_predictions(X, {name: Y})
    lines = display.ax_[0, 1].get_title().split("\n")
    assert " ".join(lines) == name
    assert max(map(len, lines)) <= 20


def test_dollars_in_titles_are_no_formulas(plates):
    X, Y = plates.X[:1], plates.Y[:1]
    name = "US$ 5^$"  # as a formula it is an error
    display = BinarizationDisplay.from_predictions(X, {name: Y}, Y)
    display.figure_.canvas.draw()
    assert headings(display) == ["blurred", name, "truth", f"errors of {name}"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"predictions": {"ours": slice(0, 1)}}, ValueError, "'ours' must hold one"),
        ({"predictions": {"truth": slice(0, 2)}}, ValueError, "be called 'truth'"),
        ({"predictions": {"blurred": slice(0, 2)}}, ValueError, "be called 'blurred'"),
        ({"predictions": {1: slice(0, 2)}}, TypeError, "strings, got 1"),
        ({"errors_of": "theirs"}, ValueError, r"there are \['ours'\], got 'theirs'"),
        ({"errors_of": ["grey"]}, ValueError, "errors_of must name binary columns"),
        ({"scores": ["psnr"]}, ValueError, "must be one of 'rmse', 'f_measure'"),
        ({"Y": "X"}, ValueError, "Y must hold exactly two"),
        ({"Y": None, "errors_of": "ours"}, ValueError, r"there are \[\]"),
        ({"ax": 3}, TypeError, "got 3"),
    ],
)
def test_bad_input(plates, change, error, message):
    import matplotlib.pyplot as plt

    X, Y = plates.X[:2], plates.Y[:2]
    options = {"predictions": {"ours": slice(0, 2)}, "Y": Y} | change
    found = {name: Y[part] for name, part in options.pop("predictions").items()}
    if options.get("errors_of") == ["grey"]:
        found["grey"] = X
    if isinstance(options["Y"], str):
        options["Y"] = X
    with pytest.raises(error, match=message):
        BinarizationDisplay.from_predictions(X, found, **options)
    assert plt.get_fignums() == []


def test_results_of_another_size_are_refused(plates, tiny_gan):
    model = tiny_gan(working_shape=(32, 48), output_scale="model").fit(*plates)
    with pytest.raises(ValueError, match="'grey output' must hold one image"):
        BinarizationDisplay.from_estimator(model, plates.X)
