"""scikit-learn's own checks.

The checks pass one label for each sample, binarizers need one image. The classes here
paint the labels on images of X's shape, and change nothing else. X itself reaches the
estimators as the checks send it: rows, which are images one pixel high. The same checks
for stacks of images are in test_common_images.py.
"""

from __future__ import annotations

from inspect import isfunction, signature
from unittest import SkipTest

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)


def paint(X, y):
    """Stripes as wide as X, which begin with ink or paper by the label of the row."""
    shape = np.asarray(X).shape
    if y is None or len(shape) != 2:
        return y
    labels = np.unique(np.asarray(y), return_inverse=True)[1].reshape(-1, 1)
    return (np.arange(shape[1]) + labels) % 2


class PaintedOtsuBinarizer(OtsuBinarizer):
    def fit(self, X, y=None):
        return super().fit(X, paint(X, y))

    def score(self, X, y, sample_weight=None):
        return super().score(X, paint(X, y), sample_weight)


class PaintedSauvolaBinarizer(SauvolaBinarizer):
    def fit(self, X, y=None):
        return super().fit(X, paint(X, y))

    def score(self, X, y, sample_weight=None):
        return super().score(X, paint(X, y), sample_weight)


class PaintedWienerBinarizer(WienerBinarizer):
    def fit(self, X, y=None):
        return super().fit(X, paint(X, y))

    def score(self, X, y, sample_weight=None):
        return super().score(X, paint(X, y), sample_weight)


class PaintedGANBinarizer(GANBinarizer):
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, resume="auto"):
        validation = {"X_val": X_val, "y_val": paint(X_val, y_val)}
        y = paint(X, y)
        return super().fit(X, y, sample_weight, **validation, resume=resume)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        return super().partial_fit(X, paint(X, y), classes, sample_weight)

    def score(self, X, y, sample_weight=None):
        return super().score(X, paint(X, y), sample_weight)


ESTIMATORS = [
    PaintedOtsuBinarizer(),
    PaintedSauvolaBinarizer(),
    PaintedWienerBinarizer(),
    # Some of the checks' images are too narrow for "auto" to have anything to choose.
    PaintedWienerBinarizer(psf=[[0.2, 0.6, 0.2]], balance=0.01),
    PaintedGANBinarizer(
        n_blocks=1,
        growth_rate=2,
        base_channels=4,
        discriminator_channels=4,
        max_epochs=1,
        batch_size=16,
        n_threads=1,
        device="cpu",
    ),
]

GAN = ESTIMATORS[-1]

# Checks that the generator does not yield, but that hold. Left out, of those that it
# does not yield either:
# - check_param_validation needs _parameter_constraints, a private mechanism of
#   scikit-learn's; our own messages have their own tests.
# - check_transformer_get_feature_names_out and its pandas form: pixels have no names,
#   so there is no get_feature_names_out, and with it no set_output (see
#   test_no_feature_names); that rules out all the checks of set_output too.
# - the checks of classifiers, regressors, clusterers and outlier detectors: ours are
#   none of these. One of them says something of every partial_fit.
FURTHER_CHECKS = [
    *(
        (estimator, check)
        for check in (
            estimator_checks.check_dataframe_column_names_consistency,
            estimator_checks.check_inplace_ensure_writeable,
        )
        for estimator in ESTIMATORS
    ),
    (GAN, estimator_checks.check_estimators_partial_fit_n_features),
]


def name_of(value):
    return getattr(value, "__name__", type(value).__name__)


def run(check, *arguments):
    try:
        check(*arguments)
    except SkipTest as skip:  # never: everything that the checks need is installed
        pytest.fail(f"skipped: {skip}")


WEIGHTS_AS_REPETITION = "check_sample_weight_equivalence_on_dense_data"


def expected_failures(estimator):
    """The one check that training in batches cannot meet."""
    if estimator is not GAN:
        return {}
    return {
        WEIGHTS_AS_REPETITION: (
            "a pair repeated is in more steps, one of more weight in larger steps"
        )
    }


# Some of the checks' arrays of rows could be pictures.
@pytest.mark.filterwarnings("ignore:X of shape .* is read as:UserWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    if check.func.__name__ == WEIGHTS_AS_REPETITION and estimator is GAN:
        # After one epoch the networks hardly differ, and their binary images do not.
        estimator = clone(estimator).set_params(max_epochs=20)
    run(check, estimator)


@pytest.mark.parametrize(("estimator", "check"), FURTHER_CHECKS, ids=name_of)
def test_further_scikit_learn_check(estimator, check):
    run(check, type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_over_forty_checks_are_collected(estimator):
    # Tags that refuse 2-D arrays would leave one check, and everything green.
    checks = [check for _, check in estimator_checks_generator(estimator)]
    assert len(checks) > 40
    # None of them is the wrapper that stands for an expected failure or a skip.
    assert all(check.func.__name__.startswith("check_") for check in checks)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_adapter_changes_targets_only(estimator):
    adapter, product = type(estimator), type(estimator).__bases__[0]
    methods = {name for name, value in vars(adapter).items() if isfunction(value)}
    takes_targets = {
        name for name in ("fit", "partial_fit", "score") if hasattr(product, name)
    }
    assert methods == takes_targets
    for name in methods:
        ours, theirs = signature(getattr(adapter, name)), getattr(product, name)
        assert list(ours.parameters) == list(signature(theirs).parameters)
    assert adapter().get_params() == product().get_params()


def test_painted_labels():
    painted = paint(np.zeros((3, 4)), [7, 5, 7])
    assert_array_equal(painted, [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_no_feature_names(estimator):
    assert not hasattr(estimator, "get_feature_names_out")
    assert not hasattr(estimator, "set_output")
