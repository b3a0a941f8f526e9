"""
Where the model "plate" fails
=============================

Of 200 drawn plates of a weak degradation (severity 0.25, all effects), the five with
the greatest RMSE: what the model makes of them is no evidence. Writes
``failures.png``.
"""

import numpy as np

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay

N_PLATES = 200

X, Y = make_blurred_plates(
    N_PLATES, layout="plate", severity=0.25, effects="all", random_state=10**6
)
model = GANBinarizer.from_pretrained("plate")
binary, grey = model.predict(X), model.deblur(X)
errors = root_mean_squared_error(Y, binary, per_image=True)
worst = np.argsort(errors)[::-1][:5]
print(f"RMSE: median {np.median(errors):.3f}, the five worst {errors[worst].round(3)}")
display = BinarizationDisplay.from_predictions(
    X[worst], {"grey output": grey[worst], "binary": binary[worst]}, Y[worst]
)
display.figure_.savefig("failures.png", dpi=80)
print("failures.png shows them, the worst first")
