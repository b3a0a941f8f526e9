"""Binarizers without training: the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._base import BaseBinarizer, shown_to_callbacks
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin._validation import (
    Images,
    check_targets,
    encode_targets,
    find_classes,
)


class OtsuBinarizer(BaseBinarizer):
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
        The values of binary images, ink (the lower) first: those of `Y`, or uint8
        [0, 1] if fitted without `Y`.
    bright_is_paper_ : bool
        Whether bright pixels become paper. False where the opposite agrees with more
        pixels of `Y` (plates with light characters).
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_features_in_ : int
        Number of columns of `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, if it was a data frame with such names.

    See Also
    --------
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

    bright_is_paper_: bool

    def __init__(self, *, image_shape: tuple[int, int] | None = None) -> None:
        self.image_shape = image_shape

    @shown_to_callbacks
    def fit(self, X: Any, Y: Any = None) -> Self:
        """Check the images, and learn encoding and polarity from `Y`.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.
        Y : array-like or list of images, default=None
            Binary truth of the same shapes, with two values. None keeps bright pixels
            as paper, answered as uint8 {0, 1}.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` or `Y` are no images, differ in shape, or `Y` is not binary.
        """
        images = self._check_training_images(X)
        classes, bright_is_paper = np.array([0, 1], dtype=np.uint8), True
        if Y is not None:
            targets = check_targets(
                Y, images, image_shape=self._checked_image_shape(), estimator=self
            )
            classes = find_classes(targets)
            paper = encode_targets(targets, classes)
            bright_is_paper = _agreement(images.grey, paper) >= 0.5
        fitted = {"classes_": classes, "bright_is_paper_": bright_is_paper}
        self._replace_state({**self._form_of(X, images), **fitted})
        return self

    def _binarize(self, images: Images) -> Sequence[NDArray[np.bool_]]:
        bright = [binarize_otsu(image) for image in images.grey]
        if self.bright_is_paper_:
            return bright
        # A constant image is all paper under either polarity.
        return [image if image.all() else ~image for image in bright]


def _agreement(
    images: Sequence[NDArray[Any]], paper: Sequence[NDArray[np.bool_]]
) -> float:
    """Share of the pixels, over all images, where bright and paper coincide."""
    agreeing = sum(
        np.count_nonzero(binarize_otsu(image) == truth)
        for image, truth in zip(images, paper, strict=True)
    )
    return float(agreeing) / sum(image.size for image in images)
