"""
In a Pipeline: as last step and as middle step
==============================================

A binarizer ends a Pipeline (`predict`), or feeds the next step (`transform`). Here
photos are brightened before the GAN, and specks are removed after it. Writes the
picture ``pipeline.png``. About a minute on two cores.
"""

import numpy as np
from skimage.exposure import equalize_adapthist
from skimage.morphology import remove_small_holes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import rmse_scorer, root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay

N_EPOCHS = 20


def equalize(X):
    """Even out the light of each photo."""
    return np.stack([equalize_adapthist(image) for image in X])


def remove_specks(Y):
    """Make ink of at most eight pixels paper: paper's holes are specks of ink."""
    return np.stack([remove_small_holes(y == 1, max_size=8) for y in Y]).astype(
        np.uint8
    )


X, Y = make_blurred_plates(200, (48, 72), severity=0.4, random_state=0)
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=40, random_state=0)

# Last step: the Pipeline predicts and scores.
as_last = Pipeline(
    [
        ("equalize", FunctionTransformer(equalize)),
        ("binarize", GANBinarizer(max_epochs=N_EPOCHS, random_state=0, verbose=1)),
    ]
).fit(X_train, Y_train)
print(f"GAN as last step:   RMSE {-rmse_scorer(as_last, X_test, Y_test):.4f}")

# Middle step: the same fitted steps, followed by one that takes binary images.
as_middle = Pipeline([*as_last.steps, ("clean", FunctionTransformer(remove_specks))])
cleaned = as_middle.transform(X_test)
print(f"GAN as middle step: RMSE {root_mean_squared_error(Y_test, cleaned):.4f}")

display = BinarizationDisplay.from_predictions(
    X_test[:6],
    {"last step": as_last.predict(X_test[:6]), "middle step": cleaned[:6]},
    Y_test[:6],
)
display.figure_.savefig("pipeline.png", dpi=150)
print("pipeline.png: blurred | GAN | GAN, specks removed | truth | errors")
