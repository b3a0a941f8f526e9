"""What comes with images: binary targets and weights, or a clear error.

Like `_validation`, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skdeblurbin._conversion import count_axes
from skdeblurbin._sequences import Mapped
from skdeblurbin._validation import Images, check_images


def check_targets(
    y: Any,
    images: Images,
    *,
    image_shape: tuple[int, int] | None = None,
    estimator: object = None,
    names: tuple[str, str] = ("X", "y"),
) -> Images:
    """Check that `y` holds one one-channel image of the same size for every image.

    `names` are what error messages call the images and `y`.

    Raises
    ------
    ValueError
        If number, sizes or form differ from those of `images`.
    """
    of_images, name = names
    if y is None:
        who = type(estimator).__name__ if estimator is not None else "The estimator"
        raise ValueError(
            f"{who} requires y to be passed, but the target y is None: {name} must "
            f"hold one binary image for every image of {of_images}."
        )
    _refuse_labels(y, name)
    targets = check_images(
        y, name=name, image_shape=image_shape, colour=False, estimator=estimator
    )
    if len(targets) != len(images):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"[{len(images)}, {len(targets)}]: {name} must hold one image for every "
            f"image of {of_images}."
        )
    pairs = zip(images.shapes, targets.shapes, strict=True)
    for i, (image_size, target_size) in enumerate(pairs):
        if image_size != target_size:
            raise ValueError(
                f"Each image of {name} must have the height and width of its image of "
                f"{of_images}; image {i} has shape {image_size} in {of_images} and "
                f"{target_size} in {name}."
            )
    return targets


def check_sample_weight(
    sample_weight: Any, n_samples: int
) -> NDArray[np.float64] | None:
    """Check weights of samples, in scikit-learn's wording.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float or None
        A number weighs all alike, and so does None.
    n_samples : int

    Returns
    -------
    ndarray of shape (n_samples,), or None
        Their ratios to the greatest, in [0, 1], whose sums cannot overflow.

    Raises
    ------
    ValueError, TypeError
        If it is anything else.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):  # check_array takes no scalars
        sample_weight = [sample_weight] * n_samples
    weights: NDArray[np.float64] = check_array(
        sample_weight,
        ensure_2d=False,
        allow_nd=True,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}: "
            "sample_weight must hold one number for every image of X."
        )
    if weights.min() < 0:
        raise ValueError(
            "Negative values in data passed to `sample_weight`: weights must be at "
            f"least 0, got {weights.min():g}."
        )
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    relative: NDArray[np.float64] = weights / weights.max()
    return relative


def find_classes(targets: Images, classes: Any = None, name: str = "y") -> NDArray[Any]:
    """Find the two values of binary target images, the lower (ink) first.

    Parameters
    ----------
    targets : Images
        Validated target images.
    classes : array-like of shape (2,), default=None
        The two values, where they are known: `targets` may then lack one of them.
    name : str, default="y"
        What error messages call the targets.

    Returns
    -------
    ndarray of shape (2,)
        The two values in the dtype of the targets.

    Raises
    ------
    ValueError
        If the images do not hold exactly two values, or others than `classes`.
    """
    values = reduce(np.union1d, map(np.unique, targets.grey))
    if classes is not None:
        return _find_among(values, classes, targets.grey[0].dtype, name)
    if values.size == 2:
        return values
    if values.size == 1:
        raise ValueError(
            f"{name} must hold exactly two different values (ink and paper) over all "
            f"images together, got only {values[0]}. (The number of classes has to be "
            "greater than one; got 1 class)"
        )
    raise ValueError(
        f"Unknown label type: {name} must hold exactly two different values (ink and "
        f"paper) over all images together, got {_values_text(values)}. Grey target "
        "images (JPEG files, resized masks) can be made binary first, for example "
        f"{name} > 127."
    )


def encode_targets(
    targets: Images, classes: NDArray[Any]
) -> Sequence[NDArray[np.bool_]]:
    """Target images as booleans: True where they hold the upper class (paper)."""
    return Mapped(targets.grey, lambda image: image == classes[1])


def decode_paper(paper: NDArray[np.bool_], classes: NDArray[Any]) -> NDArray[Any]:
    """Turn booleans into the two classes: the opposite of `encode_targets`.

    As ``classes[paper]``, in a sixth of the time: ink has the bits of the lower class,
    and where there is paper, those bits are flipped in which the upper one differs.
    The classes are of 1, 2, 4 or 8 bytes, which is all that validated arrays have.
    """
    ink, white = classes.view(f"u{classes.dtype.itemsize}")
    bits = paper.view(np.uint8) * (ink ^ white)
    if ink:
        bits ^= ink
    decoded: NDArray[Any] = bits.view(classes.dtype)
    return decoded


def _find_among(
    values: NDArray[Any], classes: Any, dtype: Any, name: str
) -> NDArray[Any]:
    """The two `classes`, in the targets' `dtype` where it can hold them."""
    known = np.unique(np.ravel(classes) if count_axes(classes) < 2 else [])
    if (
        known.size != 2
        or known.dtype.kind not in "biuf"
        or not np.isfinite(known).all()
    ):
        raise ValueError(
            f"classes must hold exactly two different numbers, got {classes!r}."
        )
    if not np.isin(values, known).all():
        raise ValueError(
            f"{name} must hold only the values {known.tolist()}, got "
            f"{_values_text(values)}."
        )
    with np.errstate(all="ignore"):  # numpy warns of some numbers that do not fit
        cast = known.astype(dtype)
    # The caller's encoding in the targets' own dtype: bool stays bool.
    return cast if np.array_equal(cast, known) else known


def _refuse_labels(y: Any, name: str) -> None:
    """Strings are labels, not images: say so as scikit-learn does."""
    dtype = getattr(y, "dtype", None)
    if getattr(dtype, "kind", None) in ("U", "S"):
        raise ValueError(
            f"Unknown label type: {name} must hold images, got dtype {dtype}."
        )


def _values_text(values: NDArray[Any]) -> str:
    return f"{values.size} values from {values.min()} to {values.max()}"
