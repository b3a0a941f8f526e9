"""Check that an ONNX file runs where torch is not installed.

python without_torch.py write FOLDER    with torch: a file, photos, results
python without_torch.py check FOLDER    without: the same results from the file
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np


def write(folder: Path) -> None:
    """Export a model, and keep its answers."""
    from skdeblurbin import GANBinarizer
    from skdeblurbin.datasets import make_blurred_plates

    photos, _ = make_blurred_plates(8, layout="plate", effects="all", random_state=0)
    model = GANBinarizer.from_pretrained("plate")
    model.to_onnx(folder / "plate.onnx")
    np.savez(folder / "plates.npz", photos=photos, binary=model.predict(photos))


def check(folder: Path) -> None:
    """Compare the file's answers with those."""
    from skdeblurbin.export import OnnxBinarizer

    if importlib.util.find_spec("torch"):
        sys.exit("torch is installed here")
    plates = np.load(folder / "plates.npz")
    model = OnnxBinarizer(folder / "plate.onnx", n_threads=1)
    wrong = np.mean(model.predict(plates["photos"]) != plates["binary"])
    print(f"{wrong:.6%} of the pixels differ")
    if wrong > 1e-4:
        sys.exit("more than one in 10,000")


{"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
