"""
How many pairs are enough?
==========================

A camera of one's own: all its photos have the same long blur. Models are trained on 5
to 80 pairs, from nothing and from the model in the package, and compared on 40 other
plates. Prints RMSE and writes the picture ``learning_curve.png``. Two minutes on one
core.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.degradations import motion_blur

N_STEPS = {"from nothing": 200, "from the model in the package": 60}

X, Y = make_blurred_plates(
    120, (64, 96), "plate", severity=0.1, effects="all", random_state=5
)
X = np.stack([motion_blur(photo / 255, length=11, angle=0.35) for photo in X])
X_test, Y_test = X[80:], Y[80:]
sizes = [5, 10, 20, 40, 80]


def train_on(n_pairs, model, n_steps):
    """The same number of steps whatever the number of pairs."""
    n_epochs = round(n_steps / np.ceil(n_pairs / model.batch_size))
    model.set_params(max_epochs=n_epochs, learning_rate_decay="cosine", random_state=0)
    return -model.fit(X[:n_pairs], Y[:n_pairs]).score(X_test, Y_test)


def pretrained():
    return GANBinarizer.from_pretrained("plate").set_params(
        warm_start=True, learning_rate=0.001, augment=True
    )


starts = {"from nothing": GANBinarizer, "from the model in the package": pretrained}
curves = {
    name: [train_on(n, start(), N_STEPS[name]) for n in sizes]
    for name, start in starts.items()
}
levels = {
    "Otsu": -OtsuBinarizer().fit(X[:80], Y[:80]).score(X_test, Y_test),
    "the model in the package, as it is": -pretrained().score(X_test, Y_test),
}
print(f"{'pairs':36}" + "".join(f"{n:8}" for n in sizes))
for name, errors in curves.items():
    print(f"{name:36}" + "".join(f"{error:8.3f}" for error in errors))
for name, error in levels.items():
    print(f"{name:36}{error:8.3f}")

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for (name, errors), marker in zip(curves.items(), "os", strict=True):
    axes.plot(sizes, errors, marker=marker, label=name)
for (name, error), style in zip(levels.items(), ("--", ":"), strict=True):
    axes.axhline(error, color="0.4", linestyle=style, label=name)
axes.set(xscale="log", xlabel="pairs", ylabel="RMSE on 40 other plates", ylim=(0, None))
axes.set_xticks(sizes, sizes)
axes.minorticks_off()
axes.legend()
figure.savefig("learning_curve.png", dpi=120)
