"""Metrics of the document binarization contests (DIBCO), which look at strokes of ink.

They take binary images as :func:`skdeblurbin.metrics.f_measure` does, and average over
images.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin.metrics.images import score_ink

_BLOCK = 8  # pixels, along each axis
_ALL_INK = np.ones(_BLOCK, bool).view(np.uint64)
_RADIUS = 2  # pixels around a wrong one, along each axis
# Of the neighbours (down, right) of a pixel; it is itself one to the other half.
_RECIPROCAL_DISTANCES = {
    (down, right): 1 / math.hypot(down, right)
    for down in range(_RADIUS + 1)
    for right in range(-_RADIUS, _RADIUS + 1)
    if (down, right) > (0, 0)
}
_ALL_AROUND = 2 * sum(_RECIPROCAL_DISTANCES.values())


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
    # one against the ink: against what is in the truth as the wrong pixel itself is.
    # Beyond the border there is neither.
    height, width = true_ink.shape
    truth = np.full((height, width + _RADIUS), 2, np.uint8)
    wrong = np.zeros(truth.shape, bool)
    truth[:, :width] = true_ink
    np.not_equal(true_ink, pred_ink, out=wrong[:, :width])
    truth, wrong = truth.ravel(), wrong.ravel()
    distortion = 0.0
    for (down, right), weight in _RECIPROCAL_DISTANCES.items():
        # In rows one after the other, a neighbour is so many pixels further on.
        step = down * (width + _RADIUS) + right
        same = truth[:-step] == truth[step:]
        seen = np.count_nonzero(same & wrong[:-step])
        seen += np.count_nonzero(same & wrong[step:])
        distortion += seen * weight
    return distortion / _ALL_AROUND / max(_count_mixed_blocks(true_ink), 1)


def _count_mixed_blocks(ink: NDArray[np.bool_]) -> int:
    """Count the complete blocks that hold both ink and paper."""
    rows, columns = (length // _BLOCK for length in ink.shape)
    complete = np.ascontiguousarray(ink[: rows * _BLOCK, : columns * _BLOCK])
    # The eight pixels of a row of a block are one number: bitwise, all are looked at
    # together.
    blocks = complete.view(np.uint64).reshape(rows, _BLOCK, columns)
    some_ink = np.bitwise_or.reduce(blocks, axis=1) != 0
    some_paper = np.bitwise_and.reduce(blocks, axis=1) != _ALL_INK
    return int(np.count_nonzero(some_ink & some_paper))


def _pseudo_f_measure_of_ink(
    true_ink: NDArray[np.bool_], pred_ink: NDArray[np.bool_]
) -> float:
    both = np.count_nonzero(true_ink & pred_ink)
    if not both:
        return float(not true_ink.any() and not pred_ink.any())
    skeleton = _skeleton(true_ink)
    precision = both / np.count_nonzero(pred_ink)
    recall = np.count_nonzero(skeleton & pred_ink) / np.count_nonzero(skeleton)
    return 2 * precision * recall / (precision + recall)


def _skeleton(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin ink as :func:`skimage.morphology.thin` does, in a sixth of its time.

    Passes over the picture remove pixels at the edge of the ink that connect nothing,
    in turn those below and right, and those above and left, until none is left to
    remove.
    """
    height, width = ink.shape
    padded = np.zeros((height + 2, width + 2), bool)
    padded[1:-1, 1:-1] = ink
    flat = padded.ravel()
    below = width + 2
    # Clockwise from the upper left: where in memory the eight neighbours are.
    steps = (-below - 1, -below, 1 - below, 1, below + 1, below, below - 1, -1)
    first, last = below + 1, flat.size - below - 1
    inside = flat[first:last]
    ring = [flat[first + step : last + step].view(np.uint8) for step in steps]
    before, left = -1, int(np.count_nonzero(inside))
    while left != before:
        for neighbours in (ring, ring[4:] + ring[:4]):
            np.greater(inside, _connects_nothing(*neighbours), out=inside)
        before, left = left, int(np.count_nonzero(inside))
    return padded[1:-1, 1:-1]


def _connects_nothing(
    p1: NDArray[np.uint8],
    p2: NDArray[np.uint8],
    p3: NDArray[np.uint8],
    p4: NDArray[np.uint8],
    p5: NDArray[np.uint8],
    p6: NDArray[np.uint8],
    p7: NDArray[np.uint8],
    p8: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Which pixels of ink are removed, by their eight neighbours (clockwise; 0 or 1).

    The conditions G1, G2 and G3 of Guo and Hall's first algorithm, for one of its two
    kinds of passes. In whole arrays of bytes, since a table of the 256 neighbourhoods
    takes several times as long to look up.
    """
    p12, p34, p56, p78 = p1 | p2, p3 | p4, p5 | p6, p7 | p8
    p23, p45, p67, p81 = p2 | p3, p4 | p5, p6 | p7, p8 | p1
    # With 0 and 1, a > b is "a and not b".
    strokes = (p34 > p2).view(np.uint8) + (p56 > p4) + (p78 > p6) + (p12 > p8)
    thickness = np.minimum(p12 + p34 + p56 + p78, p23 + p45 + p67 + p81)
    keeps_its_turn = p4 > (p5 > p23)
    two_or_three = (thickness | 1) == 3
    removed: NDArray[np.bool_] = (strokes == 1) & two_or_three & ~keeps_its_turn
    return removed
