"""Metrics of the document binarization contests (DIBCO), which look at strokes of ink.

They take binary images as :func:`skdeblurbin.metrics.f_measure` does, and average over
images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate
from skimage.morphology import thin

from skdeblurbin.metrics.images import score_ink

_BLOCK = 8  # pixels, along each axis


def _reciprocal_distances(radius: int) -> NDArray[np.float64]:
    offsets = np.arange(-radius, radius + 1)
    distances = np.hypot(offsets[:, np.newaxis], offsets)
    distances[radius, radius] = np.inf
    weights: NDArray[np.float64] = 1 / distances
    weights /= weights.sum()
    return weights


_RECIPROCAL_DISTANCES = _reciprocal_distances(radius=2)


def drd(
    Y_true: Any, Y_pred: Any, *, classes: Any = None, per_image: bool = False
) -> Any:
    r"""Distance reciprocal distortion of ink, averaged over images.

    .. math:: \mathrm{DRD} = \frac{1}{\mathrm{NUBN}} \sum_{k \in S} \sum_{p}
              |y_{k+p} - \hat y_k| \, w_p, \qquad
              w_p \propto \frac{1}{\lVert p \rVert},\; w_0 = 0,\; \sum_p w_p = 1

    where S holds the wrong pixels, p runs over 5 x 5 pixels around each, and NUBN is
    the number of blocks of 8 x 8 pixels of the truth that hold both ink and paper. An
    error that a reader sees, far from its own kind in the truth, weighs more than one
    at the edge of a stroke; a lone pixel of ink that is lost weighs nothing.

    As in the contests' own program, the blocks start at the upper left corner and
    incomplete ones, right and below, are not counted (wrong pixels there are). What
    lies beyond the border of the image adds nothing. Where no block holds both (no
    ink, all ink, smaller than a block) the sum is divided by 1, so that it is finite.

    Parameters
    ----------
    Y_true, Y_pred : array-like of shape (n_samples, height, width), or list of images
        Binary images in one encoding. Rows of pixels are images one pixel high:
        reshape them first.
    classes : array-like of shape (2,), default=None
        The two values, the lower of which is ink, in whatever order. None takes the
        two that occur.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_samples,)
        At least 0, and without bound above; 0 is best. It is no share: images of
        other sizes or stroke widths have other values.

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or hold other values than two.

    References
    ----------
    .. [1] H. Lu, A. C. Kot and Y. Q. Shi, "Distance-Reciprocal Distortion Measure for
       Binary Document Images", IEEE Signal Processing Letters 11(2), 2004.
       :doi:`10.1109/LSP.2003.821748`
    .. [2] I. Pratikakis et al., "ICDAR2017 Competition on Document Image Binarization
       (DIBCO 2017)", section III. :doi:`10.1109/ICDAR.2017.228`

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.metrics import drd
    >>> Y_true = np.ones((1, 8, 16))
    >>> Y_true[0, :, 3:5] = 0
    >>> Y_pred = Y_true.copy()
    >>> Y_pred[0, 4, 4] = 1  # at the edge of the stroke
    >>> round(drd(Y_true, Y_pred), 4)
    0.4565
    >>> Y_pred = Y_true.copy()
    >>> Y_pred[0, 4, 12] = 0  # far from all ink
    >>> round(drd(Y_true, Y_pred), 4)
    1.0
    """
    return score_ink(_drd_of_ink, Y_true, Y_pred, classes, per_image)


def pseudo_f_measure(
    Y_true: Any, Y_pred: Any, *, classes: Any = None, per_image: bool = False
) -> Any:
    r"""Pseudo-F-measure of ink (H-DIBCO 2010), averaged over images.

    .. math:: F_p = \frac{2 \, R_p \, P}{R_p + P}, \qquad
              P = \frac{|y \cap \hat y|}{|\hat y|}, \qquad
              R_p = \frac{|s \cap \hat y|}{|s|}

    where y is the true ink and s its skeleton. The precision P is that of
    :func:`f_measure`; the recall is taken over the skeleton [1]_, so that strokes
    thinner than the truth but unbroken, which read as well, lose nothing. An image
    without ink in truth and prediction has 1.

    The skeleton is that of Guo and Hall [2]_ (:func:`skimage.morphology.thin`,
    MATLAB's ``bwmorph`` with ``'thin'``). This is not the pseudo-F-measure of DIBCO
    2013 and later [3]_, whose weights for each pixel are set by the program of the
    contests: values are not to be compared with those of their tables.

    Parameters
    ----------
    Y_true, Y_pred : array-like of shape (n_samples, height, width), or list of images
        Binary images in one encoding. Rows of pixels are images one pixel high:
        reshape them first.
    classes : array-like of shape (2,), default=None
        The two values, the lower of which is ink, in whatever order. None takes the
        two that occur.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_samples,)
        In [0, 1]; 1 is best, and reached by every prediction within the true ink that
        covers its skeleton.

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or hold other values than two.

    References
    ----------
    .. [1] I. Pratikakis, B. Gatos and K. Ntirogiannis, "H-DIBCO 2010 - Handwritten
       Document Image Binarization Competition", ICFHR 2010.
       :doi:`10.1109/ICFHR.2010.111`
    .. [2] Z. Guo and R. W. Hall, "Parallel Thinning with Two-Subiteration Algorithms",
       Communications of the ACM 32(3), 1989. :doi:`10.1145/62065.62074`
    .. [3] K. Ntirogiannis, B. Gatos and I. Pratikakis, "Performance Evaluation
       Methodology for Historical Document Image Binarization", IEEE Transactions on
       Image Processing 22(2), 2013. :doi:`10.1109/TIP.2012.2219550`

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.metrics import f_measure, pseudo_f_measure
    >>> Y_true = np.ones((1, 7, 12))
    >>> Y_true[0, 2:5, 1:11] = 0  # a stroke three pixels wide
    >>> Y_pred = np.ones((1, 7, 12))
    >>> Y_pred[0, 3, 1:11] = 0  # its middle alone
    >>> pseudo_f_measure(Y_true, Y_pred), f_measure(Y_true, Y_pred)
    (1.0, 0.5)
    """
    return score_ink(_pseudo_f_measure_of_ink, Y_true, Y_pred, classes, per_image)


def _drd_of_ink(true_ink: NDArray[np.bool_], pred_ink: NDArray[np.bool_]) -> float:
    # A wrong pixel of ink is held against the paper around it in the truth, a missing
    # one against the ink; beyond the border (zeros) there is neither.
    too_much = _weigh_neighbours(~true_ink)[pred_ink & ~true_ink].sum()
    too_little = _weigh_neighbours(true_ink)[true_ink & ~pred_ink].sum()
    return float(too_much + too_little) / max(_count_mixed_blocks(true_ink), 1)


def _weigh_neighbours(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sum of the reciprocal distances of the True pixels around each pixel."""
    near = correlate(mask.astype(np.float64), _RECIPROCAL_DISTANCES, mode="constant")
    return np.asarray(near, dtype=np.float64)


def _count_mixed_blocks(ink: NDArray[np.bool_]) -> int:
    """Count the complete blocks that hold both ink and paper."""
    rows, columns = (length // _BLOCK for length in ink.shape)
    blocks = ink[: rows * _BLOCK, : columns * _BLOCK].reshape(
        rows, _BLOCK, columns, _BLOCK
    )
    mixed = blocks.any(axis=(1, 3)) & ~blocks.all(axis=(1, 3))
    return int(np.count_nonzero(mixed))


def _pseudo_f_measure_of_ink(
    true_ink: NDArray[np.bool_], pred_ink: NDArray[np.bool_]
) -> float:
    both = np.count_nonzero(true_ink & pred_ink)
    if not both:
        return float(not true_ink.any() and not pred_ink.any())
    skeleton = thin(true_ink)
    precision = both / np.count_nonzero(pred_ink)
    recall = np.count_nonzero(skeleton & pred_ink) / np.count_nonzero(skeleton)
    return 2 * precision * recall / (precision + recall)
