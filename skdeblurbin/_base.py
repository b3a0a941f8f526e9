"""What all binarizers share: the predict template, encoding, score and tags."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeblurbin._parameters import check_image_shape
from skdeblurbin._validation import (
    Images,
    check_images,
    check_targets,
    encode_targets,
    find_classes,
)
from skdeblurbin.metrics import root_mean_squared_error


class BaseBinarizer(TransformerMixin, BaseEstimator, ABC):
    """Base of all binarizers: images in, binary images of the same size out.

    A subclass has a parameter `image_shape`, sets `classes_` in `fit`, and implements
    `_binarize`.
    """

    image_shape: tuple[int, int] | None
    classes_: NDArray[Any]

    def predict(self, X: Any) -> Any:
        """Binarize images.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, \
                width, channels) or (n_samples, n_features), or list of images
            Blurred images, of any height and width.

        Returns
        -------
        ndarray of shape (n_samples, height, width) or (n_samples, n_features), or list
            Binary images of the same sizes, in the form of `X`, that hold the values
            and the dtype of `classes_`: the lower is ink, the upper paper.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        ValueError, TypeError
            If `X` is no collection of images.
        """
        images = self._check_new_images(X)
        paper = self._binarize(images)
        return images.pack([self.classes_[image.astype(np.intp)] for image in paper])

    def transform(self, X: Any) -> Any:
        """Binarize images, as a middle step of a Pipeline; the same as `predict`.

        Parameters
        ----------
        X : array-like or list of images
            As in :meth:`predict`.

        Returns
        -------
        ndarray or list
            As in :meth:`predict`.
        """
        return self.predict(X)

    def score(self, X: Any, Y: Any) -> float:
        """Minus the mean over images of the RMSE on {0, 1}.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.
        Y : array-like or list of images
            Binary truth of the same shapes, in the encoding of `classes_`.

        Returns
        -------
        float
            In [-1, 0]; more is better.

        Raises
        ------
        ValueError
            If `Y` holds other values than `classes_`, or differs in shape from `X`.
        """
        images = self._check_new_images(X)
        targets = check_targets(
            Y, images, image_shape=self._checked_image_shape(), estimator=self
        )
        find_classes(targets, self.classes_)
        truth = encode_targets(targets, self.classes_)
        return -float(root_mean_squared_error(truth, self._binarize(images)))

    @abstractmethod
    def _binarize(self, images: Images) -> Sequence[NDArray[np.bool_]]:
        """Map validated images to booleans of the same shape: True is paper."""

    def _checked_image_shape(self) -> tuple[int, int] | None:
        return check_image_shape(self.image_shape)

    def _check_new_images(self, X: Any) -> Images:
        """Validate images for a fitted estimator."""
        check_is_fitted(self)
        shape = self._checked_image_shape()
        fitted_on_rows = hasattr(self, "n_features_in_")
        if shape is None and not fitted_on_rows and getattr(X, "ndim", 0) == 2:
            raise ValueError(
                f"X of shape {tuple(X.shape)} is two-dimensional, but "
                f"{type(self).__name__} was fitted on images: for one image give "
                "X[np.newaxis]; for rows of flattened images set image_shape."
            )
        images = check_images(X, image_shape=shape, estimator=self)
        if images.container == "rows" and fitted_on_rows:
            validate_data(self, X, reset=False, skip_check_array=True)
        return images

    def _check_training_images(self, X: Any) -> Images:
        return check_images(X, image_shape=self._checked_image_shape(), estimator=self)

    def _remember_form(self, X: Any, images: Images) -> None:
        """Set what is known of the form of the training images; last step of fit."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if images.container == "rows":
            validate_data(self, X, skip_check_array=True)
        sizes = set(images.shapes)
        self.image_shape_ = sizes.pop() if len(sizes) == 1 else None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.transformer_tags.preserves_dtype = []
        return tags
