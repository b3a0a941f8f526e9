"""Image files as the library sees them, and the scale of their grey levels.

White is 255 in a file of 8 bits and 65535 in one of 16, whatever else is in the folder
and whatever a model was trained on: so a file gives the same result alone and among
others.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skdeblurbin._files import write_atomically
from skdeblurbin._gan import GANBinarizer
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin.datasets._reading import read_grey

#: How each kind of file is saved, by its suffix; black and white, and grey.
_SAVED: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".jpg": {"format": "JPEG", "quality": 95},
}
_SAVED |= {".tiff": _SAVED[".tif"], ".jpeg": _SAVED[".jpg"]}


def read_photo(path: str, max_pixels: int | None) -> NDArray[np.float32]:
    """Read a file as a grey image in [0, 1].

    Raises
    ------
    Exception
        As `read_grey`.
    """
    with warnings.catch_warnings():
        # Before such a file is decoded, and memory is taken for it.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return unit_scale(read_grey(Path(path), max_pixels))


def unit_scale(image: NDArray[Any]) -> NDArray[np.float32]:
    """Grey levels of a file, uint8 or uint16, as floats in [0, 1]."""
    return scale_to_unit(image, (0.0, float(np.iinfo(image.dtype).max)))


def common_scale(images: Any) -> Any:
    """Images of files to train on: as they are if all have 8 bits, else in [0, 1]."""
    if all(image.dtype == np.uint8 for image in images):
        return images
    return [unit_scale(image) for image in images]


def scale_for(model: GANBinarizer, image: NDArray[np.float32]) -> NDArray[Any]:
    """An image in [0, 1] on the scale that a model takes."""
    low, high = model.input_range_
    if model._fitted_on_integers or (low, high) == (0, 1):
        return image  # which `predict` takes for what it is
    values = image.astype(np.float64)
    return (values * high + (1 - values) * low).clip(low, high)


def binarize(model: GANBinarizer, photos: Sequence[NDArray[Any]]) -> list[Any]:
    """Binary images of photos in [0, 1]: True is paper."""
    found = model.predict([scale_for(model, photo) for photo in photos])
    return [image == model.classes_[1] for image in found]


def deblur(model: GANBinarizer, photos: Sequence[NDArray[Any]]) -> list[Any]:
    """Grey images of photos in [0, 1], in uint8."""
    found = model.deblur([scale_for(model, photo) for photo in photos])
    return [np.rint(image * 255).astype(np.uint8) for image in found]


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write an image whole or not at all, with the folders that it lies in.

    Parameters
    ----------
    path : Path
        Its suffix says how: png, tif, tiff, jpg or jpeg.
    image : ndarray of shape (height, width)
        bool is written with 1 bit a pixel, uint8 with 8.

    Raises
    ------
    OSError
        If that cannot be.
    """
    data = io.BytesIO()
    Image.fromarray(image).save(data, **_SAVED[path.suffix.lower()])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data.getvalue())
