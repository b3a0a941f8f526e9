"""
Good and bad trainings
======================

Three trainings on drawn plates: one that goes well, one with too few pairs and without
augmentation, and one whose photos and truths do not belong together, with L1 for its
content loss. Draws losses and errors against epochs,
and what each model makes of three new plates; writes ``good_and_bad_runs.png`` and
``good_and_bad_results.png``. One minute on two cores.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.plotting import BinarizationDisplay, TrainingCurveDisplay

N_EPOCHS = 30

X, Y = make_blurred_plates(160, (48, 72), severity=0.3, random_state=0)
X_val, Y_val = X[120:], Y[120:]
X, Y = X[:120], Y[:120]

# All make 30 steps an epoch. No average of the weights, which would hide how they move.
settings = {"random_state": 0, "average_decay": None}
models = {
    "good": GANBinarizer(max_epochs=N_EPOCHS, **settings),
    "too few pairs": GANBinarizer(max_epochs=N_EPOCHS, augment=False, **settings),
    "wrong pairs": GANBinarizer(max_epochs=N_EPOCHS, content_loss="l1", **settings),
}
pairs = {
    "good": (X, Y),
    # Ten pairs, each twelve times an epoch.
    "too few pairs": (X[:10].repeat(12, axis=0), Y[:10].repeat(12, axis=0)),
    # Each photo with the truth of the one before it.
    "wrong pairs": (X, Y[range(-1, 119)]),
}
for name, model in models.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(*pairs[name], X_val=X_val, y_val=Y_val)
    last = model.history_[-1]
    errors = f"{last['rmse']:.3f}, of new plates {last['validation_rmse']:.3f}"
    print(f"{name}: RMSE {errors}")
    for warning in caught:
        print(f"  {warning.category.__name__}: {warning.message}")

curves = TrainingCurveDisplay.from_estimator(
    models,
    quantities=[
        "rmse",
        "validation_rmse",
        "content_loss",
        "adversarial_loss",
        "discriminator_loss",
    ],
)
curves.figure_.savefig("good_and_bad_runs.png", dpi=110)

predictions = {name: model.predict(X_val[:3]) for name, model in models.items()}
results = BinarizationDisplay.from_predictions(X_val[:3], predictions, Y_val[:3])
results.figure_.savefig("good_and_bad_results.png", dpi=110)
