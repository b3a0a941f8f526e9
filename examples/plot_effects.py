"""
What effects add to drawn plates
================================

``make_blurred_plates(effects=...)``, family by family; writes ``effects.png``.
Each row has six plates at a weak degradation: without effects, with
one family of them (those that it changes most), with all, and the truth of these.
"""

import matplotlib.pyplot as plt
import numpy as np

from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.degradations import EFFECTS

N_PLATES, N_DRAWN = 6, 40
# Each family is rare enough to be missed by six plates: more are drawn, and those shown
# that it changes most.
X, Y = {}, {}
for name in ("none", *EFFECTS, "all"):
    effects = {"none": (), "all": "all"}.get(name, (name,))
    X[name], Y[name] = make_blurred_plates(
        N_DRAWN, (96, 144), "plate", severity=0.4, effects=effects, random_state=4
    )
rows = {}
for name, photos in X.items():
    change = np.abs(photos.astype(float) - X["none"]).mean(axis=(1, 2))
    most = (
        np.sort(np.argsort(change)[-N_PLATES:]) if name in EFFECTS else slice(N_PLATES)
    )
    rows[name] = photos[most]
rows["truth of all"] = 255 * Y["all"][:N_PLATES]

figure, axes = plt.subplots(
    len(rows), N_PLATES, figsize=(11, 1.25 * len(rows)), layout="constrained"
)
for line, (name, photos) in zip(axes, rows.items(), strict=True):
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, photo in zip(line, photos, strict=True):
        ax.imshow(photo, cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
figure.savefig("effects.png", dpi=75)
print(f"effects.png shows {len(rows)} rows of {N_PLATES} plates")
