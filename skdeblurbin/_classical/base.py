"""What the binarizers without networks share: a fit that learns from few numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._base import BaseBinarizer, shown_to_callbacks
from skdeblurbin._targets import check_targets, encode_targets, find_classes
from skdeblurbin._validation import Images


class ClassicalBinarizer(BaseBinarizer):
    """Learns encoding and polarity; a subclass learns its settings in `_learn`."""

    bright_is_paper_: bool

    @shown_to_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the images; learn encoding, polarity and open settings from `y`.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.
        y : array-like or list of images, default=None
            Binary truth of the same shapes, with two values. None keeps bright pixels
            as paper, answered as uint8 {0, 1}, and takes the settings that suit
            without knowing the truth.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is not allowed, `X` or `y` are no images, they differ in
            shape, or `y` is not binary.
        """
        self._check_parameters()
        images = self._check_training_images(X)
        classes, paper = np.array([0, 1], dtype=np.uint8), None
        if y is not None:
            targets = check_targets(
                y, images, image_shape=self._checked_image_shape(), estimator=self
            )
            classes = find_classes(targets)
            paper = encode_targets(targets, classes)
        form = self._form_of(X, images)
        learnt = self._learn(images, paper)
        self._replace_state({**form, "classes_": classes, **learnt})
        return self

    def _check_parameters(self) -> None:
        """Check the parameters that this class adds to `image_shape`."""

    @abstractmethod
    def _learn(
        self, images: Images, paper: Sequence[NDArray[np.bool_]] | None
    ) -> dict[str, Any]:
        """Find the fitted attributes: `bright_is_paper_`, and what predict needs."""


def inverted(paper: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Exchange ink and paper, but a constant image is all paper either way."""
    return paper if paper.all() else ~paper


def typical_shape(images: Images) -> tuple[int, int]:
    """Median height and median width."""
    heights, widths = zip(*images.shapes, strict=True)
    return int(np.median(heights)), int(np.median(widths))
