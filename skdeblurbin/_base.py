"""What all binarizers share: the predict template, encoding, score and tags."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skdeblurbin._parameters import check_image_shape
from skdeblurbin._targets import (
    check_sample_weight,
    check_targets,
    decode_paper,
    encode_targets,
    find_classes,
)
from skdeblurbin._validation import Images, check_images
from skdeblurbin._warnings import warn_user
from skdeblurbin.metrics import root_mean_squared_error

Fit = TypeVar("Fit", bound=Callable[..., Any])
Result = TypeVar("Result")

# A 2-D array this large on both sides is rather one picture than rows of pixels.
_PICTURE_SIDE = 16
# Fitted attributes that only rows of flattened images have.
COLUMNS = ("n_features_in_", "feature_names_in_")
# What scikit-learn's callbacks keep on an estimator while it is being fitted.
DURING_FIT = (
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
)


def tears_down_callbacks(fit: Fit) -> Fit:
    """Decorate a `fit` that calls callbacks itself, as scikit-learn asks for."""
    return cast(Fit, with_callbacks(fit))


@contextmanager
def taken_back_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore all attributes if the block raises an error; Ctrl-C keeps them."""
    before = dict(vars(estimator))
    try:
        yield
    except Exception:
        estimator.__dict__ = before
        raise


def shown_to_callbacks(fit: Fit) -> Fit:
    """Decorate a `fit` without steps: callbacks see it as one task."""

    @functools.wraps(fit)
    def one_task(self: BaseBinarizer, X: Any, y: Any = None) -> BaseBinarizer:
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with taken_back_on_error(self):
            fit(self, X, y)
            context.call_on_fit_task_end(
                estimator=self, X=X, y=y, reconstruction_attributes={}
            )
        return self

    return tears_down_callbacks(cast(Fit, one_task))


@contextmanager
def closing_iterator(results: Iterable[Result]) -> Iterator[Iterable[Result]]:
    """Close a generator at the end of the block, whatever happens in it.

    The traceback of an error would keep it alive, with torch's threads and locks.
    """
    try:
        yield results
    finally:
        if isinstance(results, Generator):
            results.close()


class BaseBinarizer(CallbackSupportMixin, TransformerMixin, BaseEstimator, ABC):
    """Base of all binarizers: images in, binary images of the same size out.

    A subclass has a parameter `image_shape`, sets `classes_` in `fit`, and implements
    `_binarize`. Its `fit` is decorated with `shown_to_callbacks`.
    """

    # Where scikit-learn's pictures of estimators link to.
    _doc_link_module = "skdeblurbin"
    _doc_link_template = (
        "https://skdeblurbin.readthedocs.io/en/latest/api/generated/"
        "{estimator_module}.{estimator_name}.html"
    )

    image_shape: tuple[int, int] | None
    classes_: NDArray[Any]
    image_shape_: tuple[int, int] | None

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
        with closing_iterator(self._binarize_for_caller(images)) as paper:
            return images.pack(decode_paper(image, self.classes_) for image in paper)

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

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Minus the mean over images of the RMSE on {0, 1}.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.
        y : array-like or list of images
            Binary truth of the same shapes, in the encoding of `classes_`.
        sample_weight : array-like of shape (n_samples,), default=None
            What each image counts for in the mean, at least 0.

        Returns
        -------
        float
            In [-1, 0]; more is better.

        Raises
        ------
        ValueError
            If `y` holds other values than `classes_`, or differs in shape from `X`.
            If `sample_weight` has not one number for each image.
        """
        images = self._check_new_images(X)
        targets = check_targets(
            y, images, image_shape=self._checked_image_shape(), estimator=self
        )
        weights = check_sample_weight(sample_weight, len(images))
        find_classes(targets, self.classes_)
        truth = encode_targets(targets, self.classes_)
        with closing_iterator(self._binarize(images)) as paper:
            # Image by image, so that no more than one answer is held.
            errors = [
                root_mean_squared_error([image], [binary])
                for image, binary in zip(truth, paper, strict=True)
            ]
        return -float(np.average(errors, weights=weights))

    @abstractmethod
    def _binarize(self, images: Images) -> Iterable[NDArray[np.bool_]]:
        """Map validated images to booleans of the same shape: True is paper."""

    def _binarize_for_caller(self, images: Images) -> Iterable[NDArray[np.bool_]]:
        """The same, in the size that `predict` is to give."""
        return self._binarize(images)

    def _checked_image_shape(self) -> tuple[int, int] | None:
        return check_image_shape(self.image_shape)

    def _check_sizes(self, images: Images, name: str = "X") -> None:
        """Refuse images that are too large for the method."""

    def _check_new_images(self, X: Any) -> Images:
        """Validate images for a fitted estimator."""
        check_is_fitted(self)
        shape = self._checked_image_shape()
        fitted_on_rows = hasattr(self, "n_features_in_")
        is_frame = hasattr(X, "columns")
        if is_frame and fitted_on_rows:
            # Names before values, as in scikit-learn: other columns are often NaN.
            _check_columns(self, X, reset=False)
        images = check_images(X, image_shape=shape, estimator=self)
        self._check_sizes(images)
        if images.container == "rows" and fitted_on_rows and not is_frame:
            _check_columns(self, _stand_in(images), reset=False)
        if images.container == "rows" and not fitted_on_rows and shape is None:
            raise ValueError(
                f"X of shape {(len(images), images.shapes[0][1])} is two-dimensional, "
                f"but {type(self).__name__} was fitted on images: for one image give "
                "X[np.newaxis]; for rows of flattened images set image_shape."
            )
        return images

    def _check_training_images(self, X: Any) -> Images:
        shape = self._checked_image_shape()
        images = check_images(X, image_shape=shape, estimator=self)
        self._check_sizes(images)
        height, width = len(images), images.shapes[0][1]
        if (
            images.container == "rows"
            and shape is None
            and min(height, width) >= _PICTURE_SIDE
        ):
            warn_user(
                f"X of shape {(height, width)} is read as {height} images one pixel "
                "high. If it is one picture, give X[np.newaxis]; if its rows are "
                "flattened images, set image_shape=(height, width)."
            )
        return images

    def _form_of(
        self, X: Any, images: Images, *, continuing: bool = False
    ) -> dict[str, Any]:
        """The fitted attributes that tell the form of the training images.

        Made before the training, since bad names of columns are an error.

        Where a fit is `continuing`, they cover the images of earlier calls too.
        """
        form = _columns(X, images)
        sizes: set[Any] = set(images.shapes)
        if continuing:
            form = {n: vars(self)[n] for n in COLUMNS if n in vars(self)} | form
            sizes.add(self.image_shape_)
        return {**form, "image_shape_": sizes.pop() if len(sizes) == 1 else None}

    def _replace_state(self, fitted: dict[str, Any]) -> None:
        """Set all fitted attributes at once: the last step of every fit."""
        for name in COLUMNS:
            if name not in fitted:
                self.__dict__.pop(name, None)
        self.__dict__.update(fitted)

    def __getstate__(self) -> dict[str, Any]:
        # Copies that callbacks get or make in the midst of a fit are not being fitted.
        state: dict[str, Any] = dict(super().__getstate__())
        return {n: value for n, value in state.items() if n not in DURING_FIT}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _columns(X: Any, images: Images) -> dict[str, Any]:
    """The attributes for number and names of columns that `fit` on `X` gives."""
    if images.container != "rows":
        return {}
    fitted = BaseEstimator()
    seen = X if hasattr(X, "columns") else _stand_in(images)
    _check_columns(fitted, seen, reset=True)
    return dict(vars(fitted))


def _check_columns(estimator: BaseEstimator, X: Any, *, reset: bool) -> None:
    """Let scikit-learn remember (`reset`) or check number and names of columns."""
    try:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    except ValueError as error:
        if type(error) is ValueError:
            raise
        # Of the library that scikit-learn reads frames with, on names that occur twice.
        raise ValueError(f"The columns of X must have unique names: {error}") from error


def _stand_in(images: Images) -> NDArray[Any]:
    """An array as high and wide as rows, whatever kind of array-like they came in."""
    return np.broadcast_to(0.0, (len(images), images.grey[0].size))
