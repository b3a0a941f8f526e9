"""
The trained models in the package
=================================

Binarizes drawn plates that the models have not seen, from hardly blurred to hardly
readable, without any training; writes ``pretrained_plate.png`` and
``pretrained_characters.png``.
"""

import numpy as np

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay

N_PLATES = 50

for name in ("plate", "characters"):
    print(name)
    model = GANBinarizer.from_pretrained(name)
    photos, truths = [], []
    for severity in (0.2, 0.5, 0.8):
        X, Y = make_blurred_plates(
            N_PLATES, layout=name, severity=severity, effects="all", random_state=10**6
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
    display.figure_.savefig(f"pretrained_{name}.png", dpi=80)
    print(f"pretrained_{name}.png shows three images, at each severity in turn")
