"""Whatever the user gave becomes arrays of finite real numbers, and colour grey.

What the axes of an array mean is the business of `_validation`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from skdeblurbin._ranges import extents_of, infer_input_range

CHANNELS = (1, 3, 4)
_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as PIL's convert("L")
_EXACT = 2.0**53  # float64 holds the integers up to here, all of them
SHAPES = (
    "(n_samples, height, width), (n_samples, height, width, channels) with 1, 3 or 4 "
    "channels, (n_samples, n_features) rows of flattened images, or a list of images"
)
# scikit-learn's words, by which people search.
_TEXT = "dtype='numeric' is not compatible with arrays of bytes/strings"
_READ_FILES = (
    "read files first, for example with skimage.io.imread or "
    "skdeblurbin.datasets.load_image_pairs"
)


def as_array_or_list(X: Any, name: str) -> Any:
    """Tell collections of images from arrays of numbers.

    Returns
    -------
    list, sequence or array-like
        A list with one entry an image; or a sequence to be read one by one
        (`is_read_one_by_one`); or else an array-like (or sparse) object that
        `check_numbers` can take.

    Raises
    ------
    ValueError
        If `X` is neither.
    """
    if hasattr(X, "toarray"):  # sparse, which check_array refuses; some are mappings
        return X
    _refuse_other_objects(X, name)
    if is_torch_tensor(X):
        return tensor_to_array(X, name)
    if is_read_one_by_one(X) or (
        hasattr(X, "__array__") and not _is_list_of_objects(X)
    ):
        return X
    # By number where there is no iterator: not all of these end with an IndexError.
    entries = list(X) if hasattr(X, "__iter__") else [X[i] for i in range(len(X))]
    if not entries:
        raise ValueError(
            "Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is "
            f"required: {name} is an empty {type(X).__name__}."
        )
    if any(isinstance(entry, (str, bytes, PathLike)) for entry in entries):
        raise ValueError(
            f"{name} must be images, got a {type(X).__name__} that holds text or file "
            f"names: {_READ_FILES}. ({_TEXT})"
        )
    if any(is_pil_image(entry) or count_axes(entry) >= 2 for entry in entries):
        return entries
    return _stack_rows(entries, name)


def is_read_one_by_one(X: Any) -> bool:
    """Whether `X` is a sequence of images that need not be in memory.

    That is every sequence of images but lists, tuples and numpy's arrays (which may be
    memory maps): lazy collections of files, arrays of HDF5 and Zarr, of dask.
    """
    is_in_memory = isinstance(X, (list, tuple, np.ndarray)) or hasattr(X, "toarray")
    if is_in_memory or not (hasattr(X, "__getitem__") and hasattr(X, "__len__")):
        return False
    if hasattr(X, "__array__"):
        return getattr(X, "ndim", 0) >= 3 and len(X) > 0
    if not len(X):
        return False
    try:
        first = X[0]
    except Exception:  # whatever it is, it is told when the images are read
        return True
    return is_pil_image(first) or count_axes(first) >= 2


def check_numbers(X: Any, name: str, estimator: object = None) -> NDArray[Any]:
    """Turn an array-like into an array of finite real numbers, a view where possible.

    Parameters
    ----------
    X : array-like
    name : str
        What error messages call it.
    estimator : object, default=None
        Named in scikit-learn's messages.

    Returns
    -------
    ndarray
        Of bool, integers, or floats of at most 64 bits.

    Raises
    ------
    ValueError
        If `X` holds anything but finite real numbers, or is masked.
    TypeError
        If `X` is sparse, an np.matrix, or holds objects that are no numbers.
    """
    if isinstance(X, (list, tuple)):
        X = _nested_to_array(X, name)
    _refuse_other_kinds(X, name)
    try:
        # scikit-learn adds the values up to find infinity; the sum may be inf - inf.
        with np.errstate(invalid="ignore"):
            array: NDArray[Any] = check_array(
                X,
                dtype="numeric",
                allow_nd=True,
                ensure_2d=False,
                ensure_min_samples=0,
                ensure_min_features=0,
                input_name=name,
                estimator=estimator,
            )
    except (TypeError, ValueError) as error:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", str(error)):
            raise
        # What numpy, pandas and others say does not tell which array is meant.
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} cannot be read as real numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}.")
    return _narrow(array, name)


def count_axes(entry: Any) -> int:
    """Number of axes; ragged nested lists have at least two."""
    try:
        return np.ndim(entry)
    except ValueError:
        return 2


def _refuse_other_objects(X: Any, name: str) -> None:
    """Refuse what is no collection, with a hint where the intention is plain."""
    kind = type(X).__name__
    if isinstance(X, (str, bytes, PathLike)):
        raise ValueError(f"{name} must be images, got the {kind} {X!r}: {_READ_FILES}.")
    if is_pil_image(X):
        raise ValueError(
            f"{name} must be of shape {SHAPES}; got a single PIL image: give a list "
            f"of images, [{name}]."
        )
    if np.isscalar(X):
        raise ValueError(
            f"Expected images, got scalar array instead: {name}={X!r}. {name} must be "
            f"of shape {SHAPES}. Reshape your data."
        )
    is_collection = hasattr(X, "__array__") or hasattr(X, "__len__")
    if isinstance(X, (Mapping, Set)) or not is_collection:
        raise ValueError(
            f"{name} must be of shape {SHAPES}; got an object of type {kind}."
        )


def _refuse_other_kinds(X: Any, name: str) -> None:
    """Refuse arrays that scikit-learn takes silently or without naming them."""
    if isinstance(X, np.matrix):
        raise TypeError(f"np.matrix is not supported: give np.asarray({name}) instead.")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array with {np.ma.count_masked(X)} masked pixels: "
            "fill them first, for example with .filled()."
        )
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", None)
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} must hold real numbers, got dtype "
            f"{dtype}."
        )
    if kind == "O" and any(isinstance(v, (str, bytes)) for v in np.asarray(X).flat):
        kind = "U"  # numpy would read "1" as a number
    if kind in ("U", "S", "V"):
        raise ValueError(f"{name} must hold real numbers, got dtype {dtype}: {_TEXT}.")


def _narrow(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Floats of more than 64 bits, which torch does not have, as float64."""
    if array.dtype.kind != "f" or array.dtype.itemsize <= 8:
        return array
    if np.any(np.abs(array) > np.finfo(np.float64).max):
        raise ValueError(
            f"Input {name} contains infinity or a value too large for dtype('float64')."
        )
    return array.astype(np.float64)


def _is_list_of_objects(X: Any) -> bool:
    """Whether an array is a list in disguise: np.array([image, image], object)."""
    return getattr(getattr(X, "dtype", None), "kind", None) == "O" and np.ndim(X) == 1


def _stack_rows(entries: list[Any], name: str) -> NDArray[Any]:
    """Rows of numbers given as nested lists, as one array."""
    lengths = {
        len(e) if count_axes(e) and hasattr(e, "__len__") else 0 for e in entries
    }
    if len(lengths) > 1:
        raise ValueError(
            f"The rows of {name} must all have the same length, got lengths "
            f"{sorted(lengths)}."
        )
    return np.asarray(
        [tensor_to_array(e, name) if is_torch_tensor(e) else e for e in entries]
    )


def _nested_to_array(X: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(X)
    except ValueError:
        raise ValueError(
            f"{name} is a nested list whose parts differ in length: the rows of an "
            "image must all have the same length."
        ) from None


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
    white = infer_input_range(extents_of([image]))[1]
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
