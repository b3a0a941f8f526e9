"""
The trained models in the package
=================================

    python examples/plot_pretrained.py [FILE.png] [plate|characters]

Binarizes drawn plates that the model has not seen, from hardly blurred to hardly
readable, without any training.
"""

import sys

import numpy as np

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay

file = sys.argv[1] if len(sys.argv) > 1 else "pretrained.png"
name = sys.argv[2] if len(sys.argv) > 2 else "plate"
model = GANBinarizer.from_pretrained(name)
photos, truths = [], []
for severity in (0.2, 0.5, 0.8):
    X, Y = make_blurred_plates(
        50, layout=name, severity=severity, effects="all", random_state=10**6
    )
    otsu, gan = OtsuBinarizer().fit(X, Y).predict(X), model.predict(X)
    print(
        f"severity {severity}: RMSE Otsu {root_mean_squared_error(Y, otsu):.3f}, "
        f"model {root_mean_squared_error(Y, gan):.3f}"
    )
    photos.append(X[:3])
    truths.append(Y[:3])
display = BinarizationDisplay.from_estimator(
    model, np.concatenate(photos), np.concatenate(truths)
)
display.figure_.savefig(file, dpi=80)
print(f"{file} shows three images, at each severity in turn")
