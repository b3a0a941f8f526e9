"""Reading metrics: against distances counted by hand, and as a scorer in a search."""

import pickle
import random
from functools import lru_cache

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer
from skdeblurbin.metrics import (
    character_error_rate,
    make_reading_scorer,
    plate_accuracy,
)
from skdeblurbin.metrics.reading import bootstrap_interval


@pytest.mark.parametrize(
    ("true", "read", "edits"),
    [
        ("KITTEN", "SITTING", 3),  # the textbook's: two substitutions, one insertion
        ("AB123", "AB123", 0),
        ("AB123", "", 5),
        ("AB123", "B123", 1),
        ("AB123", "AB1234", 1),
        ("AB123", "BA123", 2),
        ("ab-1 2.3", "AB 123", 0),
        ("1", "ABC", 3),
    ],
)
def test_edits_counted_by_hand(true, read, edits):
    length = sum(c.isalnum() for c in true)
    assert character_error_rate([true], [read]) == edits / length
    assert plate_accuracy([true], [read]) == (edits == 0)


def test_the_distance_is_that_of_its_definition():
    @lru_cache(None)
    def distance(one, other):
        if not one or not other:
            return len(one) + len(other)
        return min(
            distance(one[1:], other) + 1,
            distance(one, other[1:]) + 1,
            distance(one[1:], other[1:]) + (one[0] != other[0]),
        )

    chance = random.Random(0)
    for _ in range(200):
        one = "".join(chance.choices("ABC1", k=chance.randint(1, 7)))
        other = "".join(chance.choices("ABC1", k=chance.randint(0, 7)))
        found = character_error_rate([one], [other])
        assert found == pytest.approx(distance(one, other) / len(one))


def test_plates_count_alike_whatever_their_length():
    # 1 of 2 and 0 of 8 characters: a quarter, where 1 of 10 would be a tenth.
    assert character_error_rate(["AB", "ABCD1234"], ["AX", "abcd1234"]) == 0.25
    each = character_error_rate(["AB", "ABCD1234"], ["AX", "abcd1234"], per_image=True)
    assert each.tolist() == [0.5, 0]
    assert plate_accuracy(iter(["AB", "CD"]), iter(["AX", "CD"])) == 0.5


@pytest.mark.parametrize("metric", [character_error_rate, plate_accuracy])
@pytest.mark.parametrize(
    ("true", "read", "error", "message"),
    [
        (["A"], ["A", "B"], ValueError, "got 1 and 2"),
        ([], [], ValueError, "one at least"),
        (["-"], ["A"], ValueError, "without any letter"),
        ("AB", ["AB"], TypeError, "texts_true must be a collection of strings"),
        (["A"], [None], TypeError, r"texts_pred must be .* got \[None\]"),
    ],
)
def test_bad_texts(metric, true, read, error, message):
    with pytest.raises(error, match=message):
        metric(true, read)


def read_columns(images):
    """A text that tells in which columns there is ink."""
    for image in images:
        assert image.dtype == np.uint8
        assert set(np.unique(image)) <= {0, 255}
        yield "".join("AB"[int(c)] for c in (image == 0).any(axis=0)[::4])


def test_scorer_in_a_search_and_a_pickle(plates):
    X, Y = plates
    scorer = pickle.loads(pickle.dumps(make_reading_scorer(read_columns)))
    assert "read_columns" in repr(scorer)
    otsu = OtsuBinarizer().fit(X, Y)
    expected = -character_error_rate(
        read_columns(255 * Y), read_columns(255 * otsu.predict(X))
    )
    assert scorer(otsu, X, Y) == expected
    flat = OtsuBinarizer(image_shape=Y.shape[1:]).fit(
        X.reshape(6, -1), Y.reshape(6, -1)
    )
    assert scorer(flat, X.reshape(6, -1), Y.reshape(6, -1)) == expected
    encoded = OtsuBinarizer().fit(X, np.where(Y, 7, 3))
    assert scorer(encoded, X, np.where(Y, 7, 3)) == expected
    search = GridSearchCV(
        SauvolaBinarizer(), {"window_size": [5, 25]}, scoring=scorer, cv=2
    ).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_plates_that_cannot_be_read_do_not_count(plates):
    X, Y = plates

    def some(images):
        texts = list(read_columns(images))
        return [text if i % 2 else "" for i, text in enumerate(texts)]

    otsu = OtsuBinarizer().fit(X, Y)
    half = make_reading_scorer(read_columns)(otsu, X[1::2], Y[1::2])
    assert make_reading_scorer(some)(otsu, X, Y) == half
    with pytest.raises(ValueError, match="reads nothing from any image"):
        make_reading_scorer(lambda images: [""] * len(images))(otsu, X, Y)
    with pytest.raises(ValueError, match="a text for each image, got 1 for 6"):
        make_reading_scorer(lambda images: ["A"])(otsu, X, Y)
    with pytest.raises(TypeError, match="reader must be callable, got 'tesseract'"):
        make_reading_scorer("tesseract")


def test_bootstrap_intervals_of_means():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 400)
    low, high = bootstrap_interval(values)
    # The normal law's 95 % interval of a mean, which so many values come near to.
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, random_state=1) != (low, high)
    narrow = bootstrap_interval(values, confidence=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high
    assert narrow[1] - narrow[0] == pytest.approx(2 * 0.674 / 1.96 * half, rel=0.15)
    assert bootstrap_interval(np.full(7, 0.25)) == (0.25, 0.25)


def test_bootstrap_intervals_are_paired():
    first, second = np.random.default_rng(0).random((2, 50))
    one = {"n_resamples": 1, "confidence": 0.5}
    (low, high), (other, _) = (bootstrap_interval(v, **one) for v in (first, second))
    assert low == high  # of one resample
    assert bootstrap_interval(first - second, **one)[0] == pytest.approx(low - other)
