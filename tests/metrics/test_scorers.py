"""Scorers in scikit-learn's model selection, which has none for images."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.metrics import check_scoring, f1_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skdeblurbin import OtsuBinarizer
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin.metrics import (
    drd,
    drd_scorer,
    f_measure_scorer,
    pseudo_f_measure,
    pseudo_f_measure_scorer,
    rmse_scorer,
)

SCORERS = [rmse_scorer, f_measure_scorer, pseudo_f_measure_scorer, drd_scorer]
# The scores of images that are all right.
BEST = {rmse_scorer: 0, f_measure_scorer: 1, pseudo_f_measure_scorer: 1, drd_scorer: 0}
ENCODINGS = [(0, 1), (0, 255), (-1, 1), (5, 7)]
FOLDS = KFold(3)


class FixedThreshold(BaseEstimator):
    """The least that scorers need: predict and classes_; written for this test."""

    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def fit(self, X, Y):
        self.classes_ = np.unique(np.concatenate([np.unique(image) for image in Y]))
        return self

    def predict(self, X):
        paper = [self.classes_[(image > self.threshold).astype(int)] for image in X]
        return np.stack(paper) if isinstance(X, np.ndarray) else paper


class Inverter(TransformerMixin, BaseEstimator):
    """Dark becomes bright, for pipelines."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return 1 - X if isinstance(X, np.ndarray) else [1 - image for image in X]


@pytest.fixture(scope="module")
def photos():
    """Grey images, and their paper: which is bright, but for some noise."""
    rng = np.random.default_rng(0)
    paper = rng.random((6, 12, 14)) < 0.7
    return np.where(paper, 0.8, 0.3) + rng.normal(0, 0.15, paper.shape), paper


def encode(paper, classes):
    return np.where(paper, classes[1], classes[0])


def expected_scores(paper, predicted):
    """Minus the root of the share of wrong pixels, scikit-learn's F1, our metrics."""
    return {
        rmse_scorer: -np.mean(np.sqrt([np.mean(a) for a in paper ^ predicted])),
        f_measure_scorer: np.mean(
            [
                f1_score(t.ravel(), p.ravel(), pos_label=False)
                for t, p in zip(paper, predicted, strict=True)
            ]
        ),
        pseudo_f_measure_scorer: pseudo_f_measure(paper, predicted),
        drd_scorer: -drd(paper, predicted),
    }


@pytest.mark.parametrize("classes", ENCODINGS)
@pytest.mark.parametrize("as_list", [False, True])
def test_scores_do_not_depend_on_the_encoding(classes, as_list, photos):
    X, paper = photos
    Y = encode(paper, classes)
    expected = expected_scores(paper, X > 0.4)
    assert -0.5 < expected[rmse_scorer] < -0.01
    assert 0.5 < expected[f_measure_scorer] < 0.99
    if as_list:
        X, Y = list(X), list(Y)
    model = FixedThreshold(0.4).fit(X, Y)
    for scorer in SCORERS:
        score = scorer(model, X, Y)
        assert type(score) is float
        assert score == pytest.approx(expected[scorer], rel=1e-12)


@pytest.mark.parametrize("classes", ENCODINGS)
def test_rmse_scorer_is_the_score_of_the_estimators(classes, photos):
    X, paper = photos
    Y = encode(paper, classes)
    model = OtsuBinarizer().fit(X, Y)
    expected = expected_scores(paper, np.stack([binarize_otsu(image) for image in X]))
    assert rmse_scorer(model, X, Y) == model.score(X, Y)
    assert model.score(X, Y) == pytest.approx(expected[rmse_scorer], rel=1e-12)


@pytest.mark.parametrize("scorer", SCORERS)
def test_more_is_better(scorer, photos):
    X, paper = photos
    scores = [
        scorer(FixedThreshold(t).fit(X, paper), X, paper) for t in (0.1, 0.3, 0.55)
    ]
    assert scores == sorted(scores)
    assert len(set(scores)) == 3
    perfect = FixedThreshold(0.5).fit(X, paper)
    assert scorer(perfect, X, X > 0.5) == BEST[scorer]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("classes", [(0, 1), (5, 7)])
def test_cross_validation(classes, scorer, as_list, photos):
    X, paper = photos
    Y = encode(paper, classes)
    expected = [
        expected_scores(paper[test], X[test] > 0.4)[scorer]
        for _, test in FOLDS.split(X)
    ]
    if as_list:
        X, Y = list(X), list(Y)
    scores = cross_val_score(FixedThreshold(0.4), X, Y, scoring=scorer, cv=FOLDS)
    assert scores.tolist() == pytest.approx(expected, rel=1e-12)


def test_cross_validation_on_images_of_mixed_sizes(photos):
    X = [image[: i + 3, i:] for i, image in enumerate(photos[0])]
    Y = [image[: i + 3, i:] for i, image in enumerate(photos[1])]
    scores = cross_val_score(OtsuBinarizer(), X, Y, scoring=rmse_scorer, cv=FOLDS)
    wrong = [np.mean(binarize_otsu(x) != y) for x, y in zip(X, Y, strict=True)]
    expected = -np.sqrt(wrong).reshape(3, 2).mean(axis=1)
    assert scores.tolist() == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("scorer", "as_list", "n_jobs"),
    [(scorer, as_list, None) for scorer in SCORERS for as_list in (False, True)]
    # Once in other processes, which takes seconds.
    + [(rmse_scorer, True, 2)],
)
def test_grid_search(scorer, as_list, n_jobs, photos):
    X, paper = photos
    Y = encode(paper, (5, 7))
    thresholds = [0.1, 0.55, 9]
    expected = [
        expected_scores(paper, threshold < X)[scorer] for threshold in thresholds
    ]
    assert np.argmax(expected) == 1
    if as_list:
        X, Y = list(X), list(Y)
    grid = {"threshold": thresholds}
    search = GridSearchCV(
        FixedThreshold(), grid, scoring=scorer, cv=FOLDS, n_jobs=n_jobs
    ).fit(X, Y)
    assert search.best_params_ == {"threshold": 0.55}
    assert search.score(X, Y) == scorer(search.best_estimator_, X, Y)
    assert scorer(search, X, Y) == search.score(X, Y)  # a search is a binarizer too


def test_several_scorers_at_once(photos):
    X, paper = photos
    results = cross_validate(
        FixedThreshold(0.4),
        X,
        paper,
        scoring={repr(scorer): scorer for scorer in SCORERS},
        cv=FOLDS,
    )
    for scorer in SCORERS:
        alone = cross_val_score(FixedThreshold(0.4), X, paper, scoring=scorer, cv=FOLDS)
        assert results[f"test_{scorer!r}"].tolist() == alone.tolist()


@pytest.mark.parametrize("last", [FixedThreshold(0.5), OtsuBinarizer()])
@pytest.mark.parametrize("scorer", SCORERS)
def test_pipelines(last, scorer, photos):
    X, paper = photos
    Y = encode(~paper, (5, 7))
    pipeline = make_pipeline(Inverter(), clone(last)).fit(X, Y)
    predicted = clone(last).fit(1 - X, Y).predict(1 - X) == 7
    expected = expected_scores(~paper, predicted)[scorer]
    assert scorer(pipeline, X, Y) == pytest.approx(expected, rel=1e-12)
    found = cross_val_score(pipeline, X, Y, scoring=scorer, cv=FOLDS)
    assert np.isfinite(found).all()


def test_rows_of_flattened_images(photos):
    X, paper = photos
    rows = X.reshape(6, -1), paper.reshape(6, -1)
    flat = OtsuBinarizer(image_shape=(12, 14)).fit(*rows)
    square = OtsuBinarizer().fit(X, paper)
    for scorer in SCORERS:
        score = scorer(square, X, paper)
        assert scorer(flat, *rows) == pytest.approx(score, rel=1e-12)
        search = GridSearchCV(
            make_pipeline(OtsuBinarizer(image_shape=(12, 14))), {}, cv=FOLDS
        ).fit(*rows)
        assert scorer(search, *rows) == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize("scorer", SCORERS)
def test_truth_may_lack_a_class(scorer, photos):
    X, paper = photos
    model = FixedThreshold(0.5).fit(X, encode(paper, (5, 7)))
    all_paper = np.full((1, 12, 14), 7)
    # All predicted paper; an image without ink has F = 1 then.
    assert scorer(model, np.ones((1, 12, 14)), all_paper) == BEST[scorer]
    # All predicted ink; drd has its own tests without ink.
    score = scorer(model, np.zeros((1, 12, 14)), all_paper)
    if scorer is drd_scorer:
        assert score == -drd([all_paper[0]], [np.full((12, 14), 5)]) < -100
    else:
        assert score == BEST[scorer] - 1


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("classes", [(0, 1), (0, 255), (0, 7)])
def test_truth_in_another_encoding_is_an_error(scorer, classes, photos):
    """Else all of it would count as ink, and model selection would go on in silence."""
    X, paper = photos
    model = OtsuBinarizer().fit(X, encode(paper, (5, 7)))
    with pytest.raises(
        ValueError, match=r"Y must hold only the values \[5, 7\]"
    ) as caught:
        scorer(model, X, encode(paper, classes))
    assert str(caught.value).endswith(f"got {list(classes)}.")


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    ("Y", "message"),
    [
        (None, "Y must be of shape"),
        (np.ones((5, 12, 14)), "must hold the same number of images"),
        (np.ones((6, 14, 12)), "must hold the same number of images of the same sizes"),
        (np.ones(6), "Reshape your data"),
    ],
)
def test_truth_that_does_not_fit_the_images(scorer, Y, message, photos):
    X, paper = photos
    with pytest.raises(ValueError, match=message):
        scorer(OtsuBinarizer().fit(X, paper), X, Y)


@pytest.mark.parametrize("scorer", SCORERS)
def test_scorers_are_plain_objects(scorer, photos):
    X, paper = photos
    model = OtsuBinarizer().fit(X, paper)
    again = pickle.loads(pickle.dumps(scorer))
    assert again(model, X, paper) == scorer(model, X, paper)
    assert check_scoring(model, scoring=scorer) is scorer


def test_names_of_scorers():
    assert repr(rmse_scorer) == "<scorer -root_mean_squared_error>"
    assert repr(f_measure_scorer) == "<scorer f_measure>"
    assert repr(pseudo_f_measure_scorer) == "<scorer pseudo_f_measure>"
    assert repr(drd_scorer) == "<scorer -drd>"
