"""Error rates of readings against blur: rates, bands, what the reader gets."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.pipeline import make_pipeline

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer
from skdeblurbin.plotting import ReadingDisplay
from tests.plotting.pictures import readings


def line(display, name):
    (found,) = [li for li in display.ax_.lines if li.get_label() == name]
    return np.transpose(found.get_data()).tolist()


def test_rates_counted_by_hand():
    texts = ["AB12", "CD34"]
    found = {
        "ours": {9: ["AB1", ""], 0: texts},
        "theirs": {0: ["A", "C"], 9: ["", "x"]},
    }
    display = ReadingDisplay.from_predictions(texts, found)
    # 1 and 4 of 4 characters are missing; 3 and 3; 4, and all 4 with one substitution.
    assert line(display, "ours") == [[0, 0], [9, 0.625]]
    assert line(display, "theirs") == [[0, 0.75], [9, 1]]
    assert display.error_rates["ours"][9].tolist() == [0.25, 1]


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_bands_are_those_of_another_bootstrap(confidence):
    rates = np.random.default_rng(1).choice([0, 0.25, 0.5, 1], 40)
    options = {"n_resamples": 20_000, "confidence": confidence}
    display = ReadingDisplay({"ours": {0: rates}}).plot(**options)
    found = display.intervals_["ours"][0]
    wanted = bootstrap(
        (rates,),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        confidence_level=confidence,
        random_state=np.random.default_rng(2),
    ).confidence_interval
    assert found[1] == rates.mean()
    # Of two such intervals, ends differ by about 0.002.
    np.testing.assert_allclose(found[[0, 2]], wanted, atol=0.006)
    (band,) = display.ax_.collections
    assert band.get_paths()[0].get_extents().ymin == pytest.approx(found[0])
    again = display.plot(**options).intervals_["ours"][0]
    np.testing.assert_array_equal(again, found)


def test_differences_are_paired():
    rates = np.linspace(0, 1, 50)
    display = ReadingDisplay({"photo": {0: rates}, "ours": {0: rates - 0.1}})
    alone = display.plot().intervals_
    assert alone["ours"][0, 2] > alone["photo"][0, 0]  # the bands overlap
    paired = display.plot(reference="photo")
    # Each plate is read better by the same, so that nothing is left to chance.
    np.testing.assert_allclose(paired.intervals_["ours"], -0.1)
    assert list(paired.intervals_) == ["ours"]
    assert "less that of photo" in paired.ax_.get_ylabel().replace("\n", " ")


def test_names_of_levels_stand_side_by_side():
    texts = ["AB12"]
    found = {"ours": {"sharp": ["AB12"], "motion": ["AB"], "both": [""]}}
    display = ReadingDisplay.from_predictions(texts, found, level_name="what")
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["sharp", "motion", "both"]
    assert line(display, "ours") == [[0, 0], [1, 0.5], [2, 1]]
    assert display.ax_.get_xlabel() == "what"


def test_dollars_in_names_are_no_formulas():
    name = "$a^$"  # as a formula it is an error
    found = {name: {name: ["AB"]}, "ours": {name: ["A"]}}
    display = ReadingDisplay.from_predictions(["AB"], found, level_name=name)
    display.figure_.canvas.draw()
    display.plot(reference=name).figure_.canvas.draw()


def test_texts_may_differ_between_levels():
    texts = {0: ["AB"], 5: ["CD", "EF"]}
    found = {"ours": {0: ["AB"], 5: ["CD", ""]}}
    display = ReadingDisplay.from_predictions(texts, found)
    assert line(display, "ours") == [[0, 0], [5, 0.5]]
    assert "1 to 2 plates" in display.ax_.get_legend().get_title().get_text()


class Reader:
    """Reads how much ink there is, and keeps what it was given."""

    def __init__(self):
        self.seen = []

    def __call__(self, images):
        self.seen.append(images)
        return [str(round(9 * (image == 0).mean())) for image in images]


def test_from_estimator_has_photos_and_results_read(plates):
    X = {0: plates.X, 1: plates.X // 2}
    otsu = OtsuBinarizer().fit(plates.X, np.where(plates.Y == 1, 7, 3))
    models = {"Otsu": otsu, "pipe": make_pipeline(SauvolaBinarizer()).fit(*plates)}
    reader = Reader()
    texts = ["1"] * len(plates.X)
    display = ReadingDisplay.from_estimator(models, X, texts, reader)
    assert list(display.error_rates) == ["photo", "Otsu", "pipe"]
    assert all(image.dtype == np.uint8 for images in reader.seen for image in images)
    photos, _, binary, *_ = reader.seen
    np.testing.assert_array_equal(photos, plates.X)
    np.testing.assert_array_equal(binary, np.where(otsu.predict(plates.X) == 7, 255, 0))
    assert len(reader.seen) == 6
    alone = ReadingDisplay.from_estimator(otsu, X, texts, Reader(), show_photo=False)
    assert list(alone.error_rates) == ["OtsuBinarizer"]
    np.testing.assert_array_equal(
        alone.error_rates["OtsuBinarizer"][1], display.error_rates["Otsu"][1]
    )


def test_floats_and_rows_reach_the_reader_as_images(plates):
    rows = plates.X.reshape(6, -1) / 255
    otsu = OtsuBinarizer(image_shape=(24, 40)).fit(rows)
    reader = Reader()
    ReadingDisplay.from_estimator(otsu, {0: rows}, ["1"] * 6, reader)
    np.testing.assert_array_equal(reader.seen[0], plates.X)
    assert reader.seen[1][0].shape == (24, 40)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"readings": {}}, ValueError, "readings must hold at least one"),
        ({"readings": {0: {}}}, TypeError, "must be strings, got 0"),
        ({"readings": {"a": ["AB"]}}, TypeError, r"got \['AB'\] for 'a'"),
        ({"readings": {"a": {}}}, TypeError, "got {} for 'a'"),
        (
            {"readings": {"a": {0: ["A"]}, "b": {1: ["A"]}}},
            ValueError,
            r"the same levels: 'a' has \[0\], 'b' has \[1\]",
        ),
        ({"texts": ["A"]}, ValueError, "must be equally many"),
        ({"texts": {0: ["A"]}}, ValueError, r"texts has no level 3"),
        ({"reference": "theirs"}, ValueError, "one of 'photo', 'ours', got 'theirs'"),
    ],
)
def test_bad_input(options, error, message):
    import matplotlib.pyplot as plt

    texts, found = readings()
    given = {"texts": texts, "readings": found} | options
    with pytest.raises(error, match=message):
        ReadingDisplay.from_predictions(**given)
    assert plt.get_fignums() == []


def test_bad_options(plates):
    display = ReadingDisplay({"ours": {0: np.zeros(3)}})
    for confidence in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence must be a real number"):
            display.plot(confidence=confidence)
    with pytest.raises(ValueError, match="n_resamples must be an integer"):
        display.plot(n_resamples=0)
    with pytest.raises(ValueError, match="reference needs another line"):
        display.plot(reference="ours")
    otsu = OtsuBinarizer().fit(*plates)
    with pytest.raises(TypeError, match=r"X must be a mapping of level.*ndarray"):
        ReadingDisplay.from_estimator(otsu, plates.X, ["A"], Reader())
    with pytest.raises(ValueError, match="called 'photo' unless show_photo=False"):
        ReadingDisplay.from_estimator({"photo": otsu}, {0: plates.X}, ["A"], Reader())
    with pytest.raises(ValueError, match="a text for each image, got 1 for 6"):
        ReadingDisplay.from_estimator(otsu, {0: plates.X}, ["A"], lambda images: ["A"])
