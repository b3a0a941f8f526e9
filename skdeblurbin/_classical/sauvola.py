"""Sauvola's threshold, one for each pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_sauvola

from skdeblurbin._classical.base import ClassicalBinarizer, typical_shape
from skdeblurbin._classical.search import choose_setting
from skdeblurbin._parameters import check_number, is_auto
from skdeblurbin._ranges import (
    learn_scale,
    ranges_of,
    scale_to_unit,
    warn_doubtful_range,
)
from skdeblurbin._sequences import Mapped
from skdeblurbin._validation import Images

# Tried by "auto"; the first of each is what suits sharp print (0.4 of 64 rows are the
# usual 25 pixels), and is taken where nothing is known.
_HEIGHTS = (0.4, 0.125, 0.175, 0.25, 0.55, 0.75, 1.0, 1.5)
_KS = (0.2, 0.01, 0.02, 0.05, 0.1, 0.15, 0.3, 0.4, 0.5)
_LEVELS = 65535


class SauvolaBinarizer(ClassicalBinarizer):
    """Sauvola's threshold on the blurred image: one for each pixel.

    A pixel is ink if it is no brighter than ``m * (1 + k * (s / 0.5 - 1))``, where `m`
    and `s` are mean and standard deviation of the grey values, scaled to [0, 1], in the
    square window around it [1]_. Uneven light matters less than for one threshold.
    Nothing is deblurred.

    Parameters
    ----------
    window_size : int or "auto", default="auto"
        Height and width of the window in pixels, odd, at least 3. Beyond the border
        the image is mirrored, once at most: along an axis of `n` pixels the window is
        cut to 2 n - 1. "auto" chooses from 1/8 to 3/2 of the height of the training
        images (the median, if they differ) by RMSE on the training pairs; without `y`
        it is 2/5 of that height, such as 25 for 64.
    k : float or "auto", default="auto"
        How far the threshold lies below the mean where contrast is low, in [0, 1].
        "auto" chooses from 0.01 to 0.5 by RMSE on the training pairs; without `y` it
        is 0.2.
    image_shape : tuple (height, width), default=None
        Shape of the images that rows of a 2-D `X` are flattened from. None takes each
        row as an image one pixel high.

    Attributes
    ----------
    window_size_ : int
        The window that is used, in pixels.
    k_ : float
        The `k` that is used.
    input_range_ : tuple (low, high)
        The grey values that are scaled to [0, 1]: the first of [0, 1], [0, 255],
        [0, 65535] and [min, max] that holds all of `fit`'s `X`. Values off it count as
        its ends.
    classes_ : ndarray of shape (2,)
        The values of binary images, ink (the lower) first: those of `y`, or uint8
        [0, 1] if fitted without `y`.
    bright_is_paper_ : bool
        Whether bright pixels become paper. False where the opposite, that is the
        threshold on the negative, gives the lower RMSE on the training pairs (plates
        with light characters).
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_features_in_ : int
        Number of columns of `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, if it was a data frame with such names.

    See Also
    --------
    OtsuBinarizer : One threshold for each image.
    GANBinarizer : Deblurs and binarizes; learns from pairs.

    Notes
    -----
    With `y`, all combinations of what is "auto" are tried on 6 of the pairs, one in six
    of these on 18, and one in six of those on 54; the pairs are evenly spaced over the
    training set. The values that are taken without `y` are tried every time. However
    many pairs there are, that takes about 4 s on one core for images of 128x192, 1 s
    for 64x192.

    References
    ----------
    .. [1] J. Sauvola and M. Pietikäinen, "Adaptive document image binarization",
       Pattern Recognition 33(2), 225-236, 2000.
       :doi:`10.1016/S0031-3203(99)00055-2`

    Examples
    --------
    >>> from skdeblurbin import SauvolaBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> X, Y = make_blurred_plates(8, (32, 48), random_state=0)
    >>> sauvola = SauvolaBinarizer(k=0.1).fit(X, Y)
    >>> sauvola.k_
    0.1
    >>> sauvola.predict(X).shape
    (8, 32, 48)
    """

    window_size_: int
    k_: float
    input_range_: tuple[float, float]
    _fitted_on_integers: bool

    def __init__(
        self,
        *,
        window_size: int | str = "auto",
        k: float | str = "auto",
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        self.window_size = window_size
        self.k = k
        self.image_shape = image_shape

    def _check_parameters(self) -> None:
        size: Any = self.window_size
        check_number(size, "window_size", low=3, integer=True, auto=True)
        if not is_auto(size) and size % 2 == 0:
            raise ValueError(
                f"window_size must be odd, or 'auto', got {size!r}: the pixel is in "
                "the middle of the window."
            )
        check_number(self.k, "k", low=0, high=1, auto=True)

    def _learn(
        self, images: Images, paper: Sequence[NDArray[np.bool_]] | None
    ) -> dict[str, Any]:
        input_range, on_integers = learn_scale(images.extents)
        ranges = ranges_of(images.extents, input_range, on_integers)
        warn_doubtful_range(images.extents, ranges)
        settings = self._settings(typical_shape(images)[0])
        chosen, bright_is_paper = settings[0], True
        if paper is not None:
            # Scaled when looked at: all at once might not fit into memory.
            scaled = Mapped(range(len(ranges)), lambda i: (images.grey[i], ranges[i]))
            chosen, bright_is_paper = choose_setting(settings, _both, scaled, paper)
        return {
            "window_size_": chosen.window_size,
            "k_": chosen.k,
            "bright_is_paper_": bright_is_paper,
            "input_range_": input_range,
            "_fitted_on_integers": on_integers,
        }

    def _settings(self, height: int) -> list[_Setting]:
        """What the parameters leave to choose from, the fallback first."""
        sizes: Any = (self.window_size,)
        if is_auto(self.window_size):
            sizes = dict.fromkeys(_odd(height * part) for part in _HEIGHTS)
        ks: Any = _KS if is_auto(self.k) else (self.k,)
        return [_Setting(int(size), float(k)) for size in sizes for k in ks]

    def _binarize(self, images: Images) -> Iterator[NDArray[np.bool_]]:
        ranges = ranges_of(images.extents, self.input_range_, self._fitted_on_integers)
        setting = _Setting(self.window_size_, self.k_)
        levels = map(_to_levels, images.grey, ranges)
        return (_binarize(x, setting, self.bright_is_paper_) for x in levels)


class _Setting(NamedTuple):
    window_size: int
    k: float


def _odd(size: float) -> int:
    return max(3, 2 * int(size // 2) + 1)


def _to_levels(
    image: NDArray[Any], input_range: tuple[float, float]
) -> NDArray[np.float64]:
    """Scale to whole numbers from 0 to 65535.

    Then the means over windows are exact. With rounding errors, the threshold in an
    even black area would be 0 plus or minus something, and the result noise.
    """
    unit = scale_to_unit(image, input_range).clip(0, 1)
    levels: NDArray[np.float64] = np.rint(unit * np.float64(_LEVELS))
    return levels


def _both(
    scaled: tuple[NDArray[Any], tuple[float, float]], setting: _Setting
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    levels = _to_levels(*scaled)
    return _binarize(levels, setting, True), _binarize(levels, setting, False)


def _binarize(
    levels: NDArray[np.float64], setting: _Setting, bright_is_paper: bool
) -> NDArray[np.bool_]:
    if levels.min() == levels.max():
        return np.ones(levels.shape, dtype=bool)
    if not bright_is_paper:
        levels = _LEVELS - levels
    window = tuple(min(setting.window_size, 2 * side - 1) for side in levels.shape)
    threshold = threshold_sauvola(levels, window, setting.k, r=_LEVELS / 2)
    paper: NDArray[np.bool_] = levels > threshold
    return paper
