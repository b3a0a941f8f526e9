"""Otsu's threshold, exact and image by image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu


def binarize_otsu(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Split one grey image at Otsu's threshold.

    The histogram has one bin for every grey level that occurs, so that the result does
    not depend on dtype, brightness or contrast, and equals scikit-image's on integers.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Any finite real values.

    Returns
    -------
    ndarray of bool of shape (height, width)
        True where the image is bright (paper). A constant image is all paper.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE
       Trans. Systems, Man, and Cybernetics 9(1), 62-66, 1979.
       :doi:`10.1109/TSMC.1979.4310076`

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin._thresholding import binarize_otsu
    >>> binarize_otsu(np.array([[10, 12, 200], [11, 190, 210]])).astype(int)
    array([[0, 0, 1],
           [0, 1, 1]])
    """
    levels, counts = np.unique(image, return_counts=True)
    if levels.size == 1:
        return np.ones(image.shape, dtype=bool)
    centers = _spread(levels)
    split = np.searchsorted(centers, threshold_otsu(hist=(counts, centers)))
    bright: NDArray[np.bool_] = image > levels[split]
    return bright


def _spread(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Increasing levels mapped to [0, 1] without overflow, for every real dtype."""
    if levels.dtype.kind == "i":
        # Differences may wrap; read without sign they are right again.
        steps = levels - levels[0]
        steps = steps.view(steps.dtype.str.replace("i", "u"))
    elif levels.dtype.kind == "f":
        wide = levels.astype(np.float64)
        steps = wide / 2 - wide[0] / 2 if abs(wide).max() > 1e300 else wide - wide[0]
    else:  # unsigned integers, and bool, which has no subtraction
        steps = levels.astype(np.uint64) - np.uint64(levels[0])
    spread: NDArray[np.float64] = steps.astype(np.float64) / float(steps[-1])
    return spread
