"""
Quickstart: learn to read through blur
======================================

Draws blurred plates with their exact binary truth, trains a GAN on most of them, and
compares it with its classical rivals on plates it has not seen. Prints a table and
writes the picture ``quickstart.png``. One and a half minutes on two cores.

Only plates with dark characters are drawn: the network needs longer than that to learn
light characters on dark plates as well.
"""

from sklearn.model_selection import train_test_split

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import f_measure_scorer, rmse_scorer
from skdeblurbin.plotting import BinarizationDisplay

N_EPOCHS = 22

X, Y = make_blurred_plates(
    340, (64, 96), layout="plate", light_on_dark=0, random_state=0
)
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=40, random_state=0)

rivals = [
    rival.fit(X_train, Y_train)
    for rival in (OtsuBinarizer(), SauvolaBinarizer(), WienerBinarizer())
]
gan = GANBinarizer(max_epochs=N_EPOCHS, random_state=0, verbose=1).fit(X_train, Y_train)

print(f"\n{len(X_test)} plates not seen in training")
print(f"{'':16}{'RMSE':>8}{'F-measure of ink':>20}")
for model in (*rivals, gan):
    rmse = -rmse_scorer(model, X_test, Y_test)
    f_measure = f_measure_scorer(model, X_test, Y_test)
    print(f"{type(model).__name__:16}{rmse:8.3f}{f_measure:20.3f}")

display = BinarizationDisplay.from_estimator(gan, X_test[:6], Y_test[:6])
display.figure_.savefig("quickstart.png", dpi=150)
print("\nquickstart.png shows six: blurred | grey | Otsu | GAN | truth | errors")
