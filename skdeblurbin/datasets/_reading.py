"""Image files as grey images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

#: The suffixes of files that are read, in lower case.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def is_image_file(path: Path) -> bool:
    """Whether a path is a file, not hidden, whose suffix is among those."""
    return (
        not path.name.startswith(".")
        and path.suffix.lower() in IMAGE_SUFFIXES
        and path.is_file()
    )


def read_grey(path: Path, max_pixels: int | None = None) -> NDArray[Any]:
    """Read one file as a 2-D array, uint8, or uint16 if it has 16 bits of grey.

    Colour becomes Rec. 601 luma, transparent parts are laid over white, palettes are
    resolved and the EXIF orientation is applied. Of several frames the first is read.

    Parameters
    ----------
    path : Path
    max_pixels : int, default=None
        Larger images are refused before they are decoded.

    Raises
    ------
    Exception
        Of whatever class: Pillow's decoders raise many for corrupt files.
    """
    with Image.open(path) as opened:
        width, height = opened.size
        if max_pixels is not None and height * width > max_pixels:
            raise OSError(
                f"it has {height}x{width} pixels, more than {max_pixels}: cut the "
                "plates out of it"
            )
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":
        # Older Pillow reads 16-bit PNG files so.
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > 65535:
            raise OSError("its grey levels are not of 8 or 16 bits")
        return levels.astype(np.uint16)
    if image.mode == "F":
        raise OSError("its grey levels are floats, not of 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("L"))
