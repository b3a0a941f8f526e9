"""The same bits wherever a fit runs: here, in processes of loky or dask, in threads."""

import os
import subprocess
import sys

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


def predictions(model, plates, backend, n_jobs):
    with joblib.parallel_config(backend=backend):
        return cross_val_predict(model, *plates, cv=3, method="predict", n_jobs=n_jobs)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_predictions_in_two_jobs(backend, alone, plates):
    one = predictions(alone[0], plates, "sequential", 1)
    assert_array_equal(predictions(alone[0], plates, backend, 2), one)


@pytest.mark.usefixtures("cluster")
def test_predictions_under_dask(alone, plates):
    one = predictions(alone[0], plates, "sequential", 1)
    assert_array_equal(predictions(alone[0], plates, "dask", 2), one)


THREADS = """
import joblib, numpy as np, torch
from skdeblurbin import GANBinarizer

class Photos:  # which note how many threads torch has when they are read
    def __init__(self):
        self.images = np.random.default_rng(0).random((4, 16, 24))
        self.n_threads = set()
    def __len__(self):
        return len(self.images)
    def __getitem__(self, number):
        self.n_threads.add(torch.get_num_threads())
        return self.images[number]

def seen(n_threads):
    X = Photos()
    Y = X.images > 0.5
    GANBinarizer(
        n_blocks=1, growth_rate=2, base_channels=4, discriminator_channels=4,
        max_epochs=1, n_threads=n_threads, device="cpu", random_state=0,
    ).fit(X, Y)
    return max(X.n_threads)

parallel = joblib.Parallel(n_jobs=2, backend="loky")
print(*parallel(joblib.delayed(seen)(n) for n in [None, None, 3]), joblib.cpu_count())
"""


def test_two_jobs_have_a_thread_for_each_core_at_most():
    """Where nobody has set a number of threads, as the tests themselves do."""
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREADS],
        capture_output=True,
        text=True,
        check=True,
        env=free,
    )
    *shares, chosen, n_cores = map(int, run.stdout.split())
    assert shares == [max(n_cores // 2, 1)] * 2
    assert chosen == 3  # n_threads is the user's
