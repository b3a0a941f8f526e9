"""Pictures of other libraries and of several channels become grey arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import infer_input_range

CHANNELS = (1, 3, 4)
_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as PIL's convert("L")


def to_grey(image: NDArray[Any]) -> NDArray[Any]:
    """(height, width, channels) to (height, width): alpha over white, then luma."""
    channels = image.shape[-1]
    if channels == 1:
        return image[..., 0]
    colour = image[..., :3].astype(np.float64)
    grey = colour @ np.asarray(_LUMA)
    if channels == 4:
        white = infer_input_range([image])[1] if image.dtype.kind == "f" else 0.0
        if image.dtype.kind != "f":
            white = 1.0 if image.dtype == np.bool_ else float(np.iinfo(image.dtype).max)
        alpha = image[..., 3].astype(np.float64) / white
        grey = grey * alpha + white * (1 - alpha)
    if image.dtype.kind in "biu":
        # Whole grey levels keep the dtype, and with it the scale, of the photo.
        grey = np.rint(grey)
    same_dtype: NDArray[Any] = grey.astype(image.dtype)
    return same_dtype


def is_pil_image(X: Any) -> bool:
    # By name, so that Pillow is not imported for people who do not use it.
    return any(c.__module__ == "PIL.Image" for c in type(X).__mro__)


def pil_to_array(image: Any) -> NDArray[Any]:
    transparent = "transparency" in image.info or image.mode in ("LA", "PA", "La")
    if image.mode == "P" or transparent:
        image = image.convert("RGBA" if transparent else "RGB")
    elif image.mode not in ("1", "L", "RGB", "RGBA", "F", "I") and not (
        image.mode.startswith("I;16")
    ):
        image = image.convert("RGB")
    return np.asarray(image)


def is_torch_tensor(X: Any) -> bool:
    return any(
        c.__module__ == "torch" and c.__name__ == "Tensor" for c in type(X).__mro__
    )


def tensor_to_array(X: Any, name: str) -> NDArray[Any]:
    if X.is_sparse or X.is_meta:
        raise TypeError(
            f"{name} is a {'sparse' if X.is_sparse else 'meta'} tensor, which has no "
            "pixels to read: dense data is required."
        )
    tensor = X.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    array: NDArray[Any] = tensor.numpy()
    return array
