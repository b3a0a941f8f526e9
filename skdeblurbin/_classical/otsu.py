"""Otsu's threshold on the blurred image: the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._classical.base import ClassicalBinarizer, inverted
from skdeblurbin._thresholding import binarize_all_by_otsu
from skdeblurbin._validation import Images


class OtsuBinarizer(ClassicalBinarizer):
    """Otsu's threshold on the blurred image: the baseline of every comparison.

    Each image is split at the grey level that separates its pixels best into two
    groups [1]_. Nothing is deblurred.

    Parameters
    ----------
    image_shape : tuple (height, width), default=None
        Shape of the images that rows of a 2-D `X` are flattened from. None takes each
        row as an image one pixel high.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The values of binary images, ink (the lower) first: those of `y`, or uint8
        [0, 1] if fitted without `y`.
    bright_is_paper_ : bool
        Whether bright pixels become paper. False where the opposite agrees with more
        pixels of `y` (plates with light characters).
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_features_in_ : int
        Number of columns of `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, if it was a data frame with such names.

    See Also
    --------
    SauvolaBinarizer : A threshold for each pixel, from its surroundings.
    WienerBinarizer : Deblurs by a kernel, then Otsu's threshold.
    GANBinarizer : Deblurs and binarizes; learns from pairs.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE
       Trans. Systems, Man, and Cybernetics 9(1), 62-66, 1979.
       :doi:`10.1109/TSMC.1979.4310076`

    Examples
    --------
    >>> from skdeblurbin import OtsuBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> X, Y = make_blurred_plates(8, random_state=0)
    >>> otsu = OtsuBinarizer().fit(X, Y)
    >>> otsu.predict(X).shape
    (8, 128, 128)
    """

    def __init__(self, *, image_shape: tuple[int, int] | None = None) -> None:
        self.image_shape = image_shape

    def _learn(
        self, images: Images, paper: Sequence[NDArray[np.bool_]] | None
    ) -> dict[str, Any]:
        bright_is_paper = paper is None or _agreement(images.grey, paper) >= 0.5
        return {"bright_is_paper_": bright_is_paper}

    def _binarize(self, images: Images) -> Iterable[NDArray[np.bool_]]:
        bright = binarize_all_by_otsu(images.grey)
        return bright if self.bright_is_paper_ else map(inverted, bright)


def _agreement(
    images: Sequence[NDArray[Any]], paper: Sequence[NDArray[np.bool_]]
) -> float:
    """Share of the pixels, over all images, where bright and paper coincide."""
    agreeing = sum(
        np.count_nonzero(bright == truth)
        for bright, truth in zip(binarize_all_by_otsu(images), paper, strict=True)
    )
    return float(agreeing) / sum(image.size for image in images)
