"""Write one file of each kind in the present format, for all later versions to read.

    python tests/models/make.py

To be run once for each released format, and its files never changed again:
`tests/test_old_files.py` reads them all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.persistence import FORMAT

SHAPE = (24, 40)


def main() -> None:
    folder = Path(__file__).parent / f"format_{FORMAT}"
    folder.mkdir()  # an error where it is there: what was released stays
    X, Y = make_blurred_plates(4, SHAPE, "plate", random_state=0)
    model = GANBinarizer(
        n_blocks=1,
        growth_rate=2,
        base_channels=4,
        discriminator_channels=4,
        max_epochs=5,
        random_state=0,
        n_threads=1,
    ).fit(X, Y)
    model.save(folder / "plain.safetensors")
    model.save(folder / "half.safetensors", half_precision=True)
    model.save(folder / "training.safetensors", training_state=True)
    grey = model.deblur(X)
    trained_on = model.partial_fit(X, Y).deblur(X)
    np.savez_compressed(
        folder / "expected.npz", X=X, Y=Y, grey=grey, trained_on=trained_on
    )


if __name__ == "__main__":
    main()
