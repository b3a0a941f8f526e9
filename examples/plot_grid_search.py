"""
Grid search over the paper's parameters
=======================================

`GridSearchCV` tries weights of the loss and numbers of dense blocks by
cross-validation with the RMSE scorer. The images are small and few, so that the whole
search ends within two minutes on two cores: see how it is done, not which is best.
`K1` weighs the perceptual loss, which needs a feature network: the bundled one here.
Writes the picture ``grid_search.png``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import rmse_scorer

X, Y = make_blurred_plates(60, (32, 48), severity=0.3, random_state=0)
search = GridSearchCV(
    GANBinarizer(
        perceptual="glyph",
        max_epochs=15,
        growth_rate=16,
        base_channels=32,
        discriminator_channels=16,
        n_threads=1,
        random_state=0,
    ),
    {"K1": [0, 15], "K2": [100, 170], "n_blocks": [2, 6]},
    scoring=rmse_scorer,
    cv=3,
    n_jobs=2,
    verbose=3,
).fit(X, Y)

results = search.cv_results_
for i in np.argsort(results["rank_test_score"]):
    mean, spread = results["mean_test_score"][i], results["std_test_score"][i]
    print(f"RMSE {-mean:.4f} +- {spread:.4f}  {results['params'][i]}")

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
labels = [", ".join(f"{k}={v}" for k, v in p.items()) for p in results["params"]]
ax.barh(labels, -results["mean_test_score"], xerr=results["std_test_score"])
ax.set(xlabel="RMSE (less is better)", title="Three folds of 20 drawn plates")
ax.invert_yaxis()
figure.savefig("grid_search.png", dpi=150)
print(f"best: {search.best_params_}; see grid_search.png")
