"""The same bits wherever a fit runs: here, in processes of loky or dask, in threads."""

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_predict

from skdeblurbin import GANBinarizer

GRID = {"K2": [20, 170], "n_blocks": [1, 2]}


@pytest.fixture(scope="module")
def cluster():
    """Two processes of dask; the test is skipped where it is not installed."""
    distributed = pytest.importorskip(
        "distributed", reason="the extra distributed is not installed"
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


def search(model, plates, n_jobs):
    """Scores of all candidates, and what the best one makes of the plates."""
    found = GridSearchCV(model, GRID, cv=2, n_jobs=n_jobs).fit(*plates)
    scores = [found.cv_results_[f"split{i}_test_score"] for i in range(2)]
    return np.stack(scores), found.best_estimator_.deblur(plates.X)


@pytest.fixture(scope="module", params=[1, 2], ids="{} threads".format)
def alone(request, plates):
    model = GANBinarizer(
        growth_rate=2,
        base_channels=4,
        discriminator_channels=4,
        max_epochs=2,
        n_threads=request.param,
        random_state=0,
    )
    return model, *search(model, plates, n_jobs=1)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_in_two_jobs(backend, alone, plates):
    model, scores, grey = alone
    before = torch.get_num_threads()
    with joblib.parallel_config(backend=backend):
        found = search(model, plates, n_jobs=2)
    assert_array_equal(found[0], scores)
    assert_array_equal(found[1], grey)
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("cluster")
def test_searches_under_dask(alone, plates):
    model, scores, grey = alone
    with joblib.parallel_config(backend="dask"):
        found = search(model, plates, n_jobs=2)
    assert_array_equal(found[0], scores)
    assert_array_equal(found[1], grey)


def test_predictions_in_two_jobs(alone, plates):
    model = alone[0]
    one, two = (
        cross_val_predict(model, *plates, cv=3, method="predict", n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert_array_equal(one, two)
