"""Pictures of other libraries and of several channels become grey arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import infer_input_range

CHANNELS = (1, 3, 4)
_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as PIL's convert("L")
_EXACT = 2.0**53  # float64 holds the integers up to here, all of them


def to_grey(image: NDArray[Any]) -> NDArray[Any]:
    """(height, width, channels) to (height, width): luma, then alpha over white.

    Integers stay integers of the same dtype, rounded to the nearest grey level, so that
    the dtype still tells the scale of the photo.
    """
    channels = image.shape[-1]
    if channels == 1:
        return image[..., 0]
    colour = image[..., :3].astype(np.float64)
    # A weighted mean lies between the extremes; rounding must not carry it beyond, so
    # that grey colours (r = g = b) give exactly their own level.
    grey = np.clip(colour @ np.asarray(_LUMA), colour.min(axis=-1), colour.max(axis=-1))
    if channels == 4:
        white = _opaque_white(image)
        alpha = image[..., 3].astype(np.float64) / white
        grey = grey * alpha + white * (1 - alpha)
    if image.dtype.kind in "biu":
        grey = np.rint(grey)
        if np.abs(grey).max() > _EXACT:
            return np.asarray(grey)
    return np.asarray(grey, dtype=image.dtype)


def _opaque_white(image: NDArray[Any]) -> float:
    """The value of white, and of alpha where nothing shines through."""
    if image.dtype in (np.uint8, np.uint16):
        return float(np.iinfo(image.dtype).max)
    white = infer_input_range([image])[1]
    return white if white > 0 else 1.0


def is_pil_image(X: Any) -> bool:
    # By name, so that Pillow is not imported for people who do not use it.
    return any(c.__module__ == "PIL.Image" for c in type(X).__mro__)


def pil_to_array(image: Any) -> NDArray[Any]:
    """The pixels of a PIL image, not the indices of its palette."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return np.asarray(image)  # PIL's conversions would cut these to 8 bits
    if mode == "La":
        image = image.convert("LA")  # the only way out of premultiplied alpha
    if mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif mode not in ("1", "L", "RGB", "RGBA"):
        image = image.convert("RGB")
    return np.asarray(image)


def is_torch_tensor(X: Any) -> bool:
    return any(
        c.__module__ == "torch" and c.__name__ == "Tensor" for c in type(X).__mro__
    )


def tensor_to_array(X: Any, name: str) -> NDArray[Any]:
    """The values of a torch tensor on any device, without its gradients."""
    if X.is_meta or str(X.layout) != "torch.strided":
        raise TypeError(
            f"{name} is a {'meta' if X.is_meta else 'sparse'} tensor, which has no "
            "pixels to read: dense data is required."
        )
    tensor = X.detach().cpu().resolve_conj().resolve_neg()
    try:
        array: NDArray[Any] = tensor.numpy()
    except TypeError:  # bfloat16 and float8, which numpy does not have
        array = tensor.float().numpy()
    return array
