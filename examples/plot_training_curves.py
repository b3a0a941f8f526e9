"""
Training curves of two settings
===============================

Trains two small networks, on the same drawn plates, that differ in their content loss,
and draws how: every loss, and the RMSE of pairs set aside, against seconds. Half a
minute on one core.

The two content losses are different numbers, and not to be compared: the RMSE is. It
tells besides whether to train on, which the losses of a GAN do not.
"""

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.plotting import TrainingCurveDisplay

N_EPOCHS = 20

X, Y = make_blurred_plates(80, (32, 48), severity=0.3, light_on_dark=0, random_state=0)
models = {}
for loss in ("cross_entropy", "l1"):
    models[loss] = GANBinarizer(
        content_loss=loss,
        n_blocks=2,
        growth_rate=16,
        base_channels=32,
        max_epochs=N_EPOCHS,
        validation_fraction=0.25,
        n_threads=1,
        random_state=0,
    ).fit(X, Y)
    best = min(epoch["validation_rmse"] for epoch in models[loss].history_)
    print(f"{loss:14} RMSE of the pairs set aside, in the best epoch: {best:.3f}")

display = TrainingCurveDisplay.from_estimator(models, x="seconds")
display.figure_.savefig("training_curves.png", dpi=80)
print("training_curves.png shows how they got there")
