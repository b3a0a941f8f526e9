"""
Grid search over the paper's parameters
=======================================

`GridSearchCV` tries weights of the loss and numbers of dense blocks by
cross-validation with the RMSE scorer. The images are small and few, so that the whole
search ends within a minute on one core: see how it is done, not which is best.
`K1` weighs the perceptual loss, which needs a feature network: the bundled one here.

The picture shows, above, a heat map over `K1` and `K2` for each number of blocks, with
the standard deviation over the folds; below, the candidates that no other one beats in
both quality and time. Folds differ by more than the candidates do, here: the search has
decided nothing.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import rmse_scorer
from skdeblurbin.plotting import SearchDisplay

N_EPOCHS = 5

X, Y = make_blurred_plates(60, (32, 48), severity=0.3, random_state=0)
search = GridSearchCV(
    GANBinarizer(
        perceptual="glyph",
        max_epochs=N_EPOCHS,
        growth_rate=16,
        base_channels=32,
        discriminator_channels=16,
        n_threads=1,
        random_state=0,
    ),
    {"K1": [0, 15], "K2": [100, 170], "n_blocks": [2, 6]},
    scoring=rmse_scorer,
    cv=3,
    # Two jobs would take half of the time, but the times of each would be no good.
    n_jobs=1,
    verbose=3,
).fit(X, Y)

results = search.cv_results_
for i in np.argsort(results["rank_test_score"]):
    mean, spread = results["mean_test_score"][i], results["std_test_score"][i]
    print(f"RMSE {-mean:.4f} +- {spread:.4f}  {results['params'][i]}")

figure = plt.figure(figsize=(7.5, 5.5), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[2, 3])
display = SearchDisplay.from_estimator(
    search, n_plates=len(X) / 3, score_name="RMSE", negate_score=True, ax=above
)
display.plot(below, kind="time")
figure.savefig("grid_search.png", dpi=80)
print(f"best: {search.best_params_}; see grid_search.png")
