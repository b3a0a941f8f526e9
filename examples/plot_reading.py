"""
What can be read, the more a plate is blurred
=============================================

Blurs drawn plates by motion of more and more pixels, and has an OCR engine read them:
as they are, after Otsu's threshold, and as the trained model in the package makes them.
Needs ``pip install "skdeblurbin[ocr]"`` (Python below 3.13); with another version, put
`TesseractReader` in the place of `RapidOCRReader`. Half a minute on one core.

The engine reads one line of text, and not every lettering: counted are plates of which
it reads the truth without an error. Measure on plates like yours: on drawn ones of
shape (64, 256), which the model was not trained for, the engine reads photos under weak
blur as well.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.degradations import add_noise, motion_blur
from skdeblurbin.metrics import RapidOCRReader, character_error_rate
from skdeblurbin.plotting import ReadingDisplay

N_PLATES = 300

reader = RapidOCRReader()
X, Y, texts = make_blurred_plates(
    N_PLATES,
    layout="plate",
    severity=0,
    light_on_dark=0,
    return_text=True,
    random_state=10**6,
)
sharp = np.flatnonzero(
    character_error_rate(texts, reader(list(255 * Y)), per_image=True) == 0
)
texts = [texts[i] for i in sharp]
print(f"{len(sharp)} of {N_PLATES} plates are read rightly from their truth")

rng = np.random.default_rng(0)
angles = rng.uniform(0, np.pi, len(sharp))
levels = {}
for length in (0, 6, 12, 18, 24):
    photos = [
        motion_blur(X[i] / 255, length, angle)
        for i, angle in zip(sharp, angles, strict=True)
    ]
    levels[length] = np.stack([add_noise(photo, rng) for photo in photos])

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
display = ReadingDisplay.from_estimator(
    {
        "Otsu": OtsuBinarizer().fit(X, Y),
        "trained model": GANBinarizer.from_pretrained("plate"),
    },
    levels,
    texts,
    reader,
    level_name="motion [pixels of 128 rows]",
    ax=left,
)
for name, found in display.intervals_.items():
    print(f"{name:14}", *(f"{rate:6.3f}" for rate in found[:, 1]))
# Plate by plate: what is gained, and lost, by the model.
display.plot(right, level_name="motion [pixels of 128 rows]", reference="photo")
figure.savefig("reading.png", dpi=80)
print("reading.png: error rates, and their differences to those of the photos")
