"""What came from the user becomes a list of grey images, or a clear error.

Every public method of every estimator and metric starts here. Nothing in this module
imports torch, so parts of the library without networks work without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._conversion import (
    CHANNELS,
    SHAPES,
    as_array_or_list,
    check_numbers,
    count_axes,
    is_pil_image,
    is_read_one_by_one,
    is_torch_tensor,
    pil_to_array,
    tensor_to_array,
    to_grey,
)
from skdeblurbin._ranges import Extent, extents_of
from skdeblurbin._sequences import Mapped

Container = Literal["array", "rows", "list"]


@dataclass(frozen=True)
class Images:
    """Validated images and the form they came in.

    Attributes
    ----------
    grey : sequence of ndarray of shape (height, width)
        Real-valued grey images in the scale of the caller; views where possible, and
        what is not in memory is read when it is looked at.
    container : {"array", "rows", "list"}
        The caller's form, in which results are given back.
    """

    grey: Sequence[NDArray[Any]]
    container: Container

    def __len__(self) -> int:
        return len(self.grey)

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(height, width) of every image."""
        return [(image.shape[0], image.shape[1]) for image in self.grey]

    @cached_property
    def extents(self) -> list[Extent]:
        """Dtype and extreme values of every image."""
        return extents_of(self.grey)

    def take(self, indices: Iterable[int]) -> Images:
        """The images with these indices, in the same form."""
        return Images(Mapped(list(indices), self.grey.__getitem__), self.container)

    def pack(self, results: Iterable[NDArray[Any]]) -> Any:
        """Give `results`, one image for each input image, in the caller's form.

        An iterator is never held as a whole beside the stack that it becomes.
        """
        if self.container == "list":
            return list(results)
        for i, result in enumerate(results):
            if i == 0:
                stack = np.empty((len(self), *result.shape), result.dtype)
            stack[i] = result
        return stack.reshape(len(stack), -1) if self.container == "rows" else stack


def check_images(
    X: Any,
    *,
    name: str = "X",
    image_shape: tuple[int, int] | None = None,
    colour: bool = True,
    estimator: object = None,
) -> Images:
    """Turn any accepted form of images into grey images.

    Parameters
    ----------
    X : array-like or sequence of images
        ndarray of shape (n_samples, height, width), (n_samples, height, width,
        channels) with 1, 3 (RGB) or 4 (RGBA) channels, or (n_samples, n_features);
        or a sequence of images, of mixed sizes too. PIL images, torch tensors and
        pandas frames of rows are converted.
    name : str, default="X"
        What error messages call it.
    image_shape : tuple (height, width), default=None
        The shape of the images that rows are flattened from; None takes each row as
        an image one pixel high.
    colour : bool, default=True
        Whether arrays may have 3 or 4 channels. The colour of PIL images, which have
        black and white ones too, is taken anyway.
    estimator : object, default=None
        Named in scikit-learn's messages.

    Returns
    -------
    Images
        The grey images, in the scale of the caller, with the form they came in.

    Raises
    ------
    ValueError
        If shape, dtype or values are not those of images.
    TypeError
        If `X` is sparse, an np.matrix, a tensor that cannot be read, or no array.
    """
    X = as_array_or_list(X, name)
    if isinstance(X, list):
        grey = [
            _grey_image(image, f"{name}[{i}]", colour, estimator)
            for i, image in enumerate(X)
        ]
        return Images(grey, "list")
    if is_read_one_by_one(X):
        return _images_one_by_one(X, name, colour, estimator)
    array = check_numbers(X, name, estimator)
    _check_axes(array, name, colour)
    if array.ndim == 2:
        return Images(_rows_to_images(array, name, image_shape), "rows")
    if array.ndim == 3:
        return Images(cast(Any, array), "array")
    return Images(Mapped(array, to_grey), "array")


def check_image_pair(
    Y_true: Any, Y_pred: Any, names: tuple[str, str] = ("Y_true", "Y_pred")
) -> tuple[Sequence[NDArray[Any]], Sequence[NDArray[Any]]]:
    """Check two collections of images of equal number and sizes, for metrics.

    Raises
    ------
    ValueError
        If their numbers or the sizes of two images that belong together differ.
    """
    first = check_images(Y_true, name=names[0])
    second = check_images(Y_pred, name=names[1])
    if first.shapes != second.shapes:
        raise ValueError(
            f"{names[0]} and {names[1]} must hold the same number of images of the "
            f"same sizes; got {_describe(first)} and {_describe(second)}."
        )
    return first.grey, second.grey


def _check_axes(array: NDArray[Any], name: str, colour: bool) -> None:
    """Refuse arrays whose axes cannot be those of images, or are empty."""
    shape = array.shape
    if array.ndim < 2:
        given = "1D array" if array.ndim else "scalar array"
        raise ValueError(
            f"Expected images, got {given} instead: {name} must be of shape {SHAPES}; "
            f"got shape {shape}. Reshape your data, for example with "
            f"{name}.reshape(-1, height, width)."
        )
    if array.ndim > 4 or (array.ndim == 4 and shape[-1] not in CHANNELS):
        raise ValueError(
            f"{name} must be of shape {SHAPES}; got an array of shape {shape}."
            + (_channels_hint(shape) if array.ndim == 4 else "")
        )
    if array.ndim == 4 and not colour:
        _check_one_channel(shape, name)
    for axis, length in enumerate(shape):
        if length == 0:
            what = "feature" if axis else "sample"
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is "
                f"required: axis {axis} of {name} is empty."
            )


def _grey_image(image: Any, name: str, colour: bool, estimator: object) -> NDArray[Any]:
    """One entry of a list of images, as a grey image."""
    if is_pil_image(image):
        image, colour = pil_to_array(image), True
    elif is_torch_tensor(image):
        image = tensor_to_array(image, name)
    if count_axes(image) < 2:
        raise ValueError(
            f"{name} must be an image of shape (height, width) or (height, width, "
            f"channels), got {type(image).__name__} of shape {np.shape(image)}."
        )
    array = check_numbers(image, name, estimator)
    if array.size == 0:
        raise ValueError(f"{name} is an empty image of shape {array.shape}.")
    if array.ndim == 2:
        return array
    if array.ndim == 3 and array.shape[-1] in CHANNELS:
        if not colour:
            _check_one_channel(array.shape, name)
        return to_grey(array)
    raise ValueError(
        f"{name} must be an image of shape (height, width) or (height, width, "
        f"channels) with 1, 3 or 4 channels, got shape {array.shape}."
        + (_channels_hint((1, *array.shape)) if array.ndim == 3 else "")
    )


def _images_one_by_one(X: Any, name: str, colour: bool, estimator: object) -> Images:
    """Images of a sequence that stays where it is; each is checked when it is read."""

    def read(number: int) -> NDArray[Any]:
        entry = f"{name}[{number}]"
        try:
            image = X[number]
        except Exception as error:
            raise ValueError(f"{entry} cannot be read: {error!r}") from error
        # Many readers fill one and the same array again and again.
        return np.array(_grey_image(image, entry, colour, estimator))

    # Results of arrays, of HDF5 for example, are stacked; those of lists are not.
    container: Container = "array" if hasattr(X, "__array__") else "list"
    images = Images(Mapped(range(len(X)), read), container)
    images.shapes  # noqa: B018  (reads, and so checks, all of them)
    return images


def _rows_to_images(
    array: NDArray[Any], name: str, image_shape: tuple[int, int] | None
) -> Any:
    height, width = image_shape or (1, array.shape[1])
    if height * width != array.shape[1]:
        raise ValueError(
            f"image_shape={image_shape} means rows of {height * width} pixels, but "
            f"{name} has {array.shape[1]} features."
        )
    return array.reshape(len(array), height, width)


def _check_one_channel(shape: tuple[int, ...], name: str) -> None:
    if shape[-1] != 1:
        raise ValueError(
            f"{name} must have one channel, got {shape[-1]} (shape {shape}): take one, "
            f"for example {name}[..., 0]."
        )


def _channels_hint(shape: tuple[int, ...]) -> str:
    if shape[1] in CHANNELS:
        return " Channels come last: np.moveaxis(X, 1, -1)."
    return f" Got {shape[-1]} channels."


def _describe(images: Images) -> str:
    shapes = sorted(set(images.shapes))
    shown = ", ".join(str(shape) for shape in shapes[:3])
    more = ", ..." if len(shapes) > 3 else ""
    return f"{len(images)} images of shape {shown}{more}"
