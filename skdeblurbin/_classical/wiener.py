"""Wiener deconvolution, then Otsu's threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.restoration import wiener

from skdeblurbin._classical.base import ClassicalBinarizer, inverted, typical_shape
from skdeblurbin._classical.kernels import Kernel, kernel_family
from skdeblurbin._classical.search import choose_setting
from skdeblurbin._parameters import check_number, is_auto
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin._validation import Images

_BALANCES = (0.1, 0.003, 0.01, 0.03, 0.3)  # the first where nothing is known
# Beyond these weights nothing changes any more but that numbers overflow.
_LEAST, _MOST = 1e-30, 1e30


class WienerBinarizer(ClassicalBinarizer):
    """Wiener deconvolution with one kernel for all images, then Otsu's threshold.

    The blur is taken to be a convolution with a known kernel, the same in all images,
    and undone by the Wiener-Hunt filter [1]_ of scikit-image. Each deblurred image is
    split by Otsu's threshold. The result does not depend on brightness and contrast.

    Parameters
    ----------
    psf : array-like of shape (kernel_height, kernel_width) or "auto", default="auto"
        The kernel (point-spread function): finite, not negative, of positive sum, which
        need not be 1. Its centre is the pixel [kernel_height // 2, kernel_width // 2].
        "auto" chooses it from a family by RMSE on the training pairs, see Notes.
        Without `y` nothing is known of the blur: the kernel is then a single pixel, and
        the result that of :class:`OtsuBinarizer`. So it is for every kernel of shape
        (1, 1).
    balance : float or "auto", default="auto"
        Weight of smoothness against fidelity, in (0, inf): more suppresses noise,
        less sharpens. "auto" chooses from 0.003, 0.01, 0.03, 0.1 and 0.3 by RMSE on the
        training pairs; without `y` it is 0.1.
    image_shape : tuple (height, width), default=None
        Shape of the images that rows of a 2-D `X` are flattened from. None takes each
        row as an image one pixel high.

    Attributes
    ----------
    psf_ : ndarray of shape (kernel_height, kernel_width), float64
        The kernel that is used, of sum 1.
    kernel_ : str
        What it is: "no blur", "motion, 9 px, 30 degrees", "defocus, radius 2.5 px", or
        "given". Angles count from the x axis (columns) towards the y axis (downwards).
    balance_ : float
        The weight that is used; none is with a kernel of one pixel.
    classes_ : ndarray of shape (2,)
        The values of binary images, ink (the lower) first: those of `y`, or uint8
        [0, 1] if fitted without `y`.
    bright_is_paper_ : bool
        Whether bright pixels become paper. False where the opposite gives the lower
        RMSE on the training pairs (plates with light characters).
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_features_in_ : int
        Number of columns of `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, if it was a data frame with such names.

    See Also
    --------
    OtsuBinarizer : The same without deblurring.
    GANBinarizer : Deblurs and binarizes; learns from pairs, needs no kernel.

    Notes
    -----
    The family: straight motion of 3 to 26 pixels in steps of 30 degrees (45 for 3
    pixels), defocus of radius 1 to 5, and no blur. Lengths are pixels of the images
    given. Kernels more than half as high or as wide as the training images (at the
    median of their sizes) are left out.

    All kernels and weights are tried on 6 of the pairs, one in six of these on 18, and
    one in six of those on 54; the pairs are evenly spaced over the training set. No
    blur is tried every time: on the last pairs the choice is no worse than
    :class:`OtsuBinarizer`. That takes some 3200 deconvolutions at most, however many
    pairs there are: about 10 s on one core for images of 128x192, 5 s for 64x192.

    References
    ----------
    .. [1] F. Orieux, J.-F. Giovannelli and T. Rodet, "Bayesian estimation of
       regularization and point spread function parameters for Wiener-Hunt
       deconvolution", J. Opt. Soc. Am. A 27(7), 1593-1607, 2010.
       :doi:`10.1364/JOSAA.27.001593`

    Examples
    --------
    >>> from skdeblurbin import WienerBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> from skdeblurbin.datasets.degradations import motion_kernel
    >>> X, Y = make_blurred_plates(8, random_state=0)
    >>> wiener = WienerBinarizer(psf=motion_kernel(9.0)).fit(X, Y)
    >>> wiener.kernel_
    'given'
    >>> wiener.predict(X).shape
    (8, 128, 128)
    """

    psf_: NDArray[np.float64]
    kernel_: str
    balance_: float

    def __init__(
        self,
        *,
        psf: ArrayLike | str = "auto",
        balance: float | str = "auto",
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        self.psf = psf
        self.balance = balance
        self.image_shape = image_shape

    def _check_parameters(self) -> None:
        if not is_auto(self.psf):
            _checked_psf(self.psf)
        check_number(self.balance, "balance", low=0, include_low=False, auto=True)

    def _learn(
        self, images: Images, paper: Sequence[NDArray[np.bool_]] | None
    ) -> dict[str, Any]:
        settings = self._settings(typical_shape(images))
        chosen, bright_is_paper = settings[0], True
        if paper is not None:
            chosen, bright_is_paper = choose_setting(
                settings, _both, images.grey, paper
            )
        return {
            "psf_": chosen.kernel.psf,
            "kernel_": chosen.kernel.name,
            "balance_": chosen.balance,
            "bright_is_paper_": bright_is_paper,
        }

    def _settings(self, shape: tuple[int, int]) -> list[_Setting]:
        """What the parameters leave to choose from, the fallback first."""
        if is_auto(self.psf):
            kernels = kernel_family(shape)
        else:
            kernels = [Kernel(_checked_psf(self.psf), "given")]
        given: Any = self.balance
        balances = _BALANCES if is_auto(given) else (float(given),)
        return [
            _Setting(kernel, balance)
            for kernel in kernels
            # With one pixel all weights give the same.
            for balance in (balances[:1] if kernel.psf.size == 1 else balances)
        ]

    def _binarize(self, images: Images) -> Iterator[NDArray[np.bool_]]:
        setting = _Setting(Kernel(self.psf_, self.kernel_), self.balance_)
        both = (_both(image, setting) for image in images.grey)
        return (bright if self.bright_is_paper_ else dark for bright, dark in both)


class _Setting(NamedTuple):
    kernel: Kernel
    balance: float


def _both(
    image: NDArray[Any], setting: _Setting
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Deblur and split one image, for bright and for dark paper."""
    psf = setting.kernel.psf
    # One pixel blurs nothing; the filter would smooth all the same.
    if psf.size > 1 and image.min() < image.max():
        image = _deconvolve(image, psf, setting.balance)
    bright = binarize_otsu(image)
    return bright, inverted(bright)


def _deconvolve(
    image: NDArray[Any], psf: NDArray[np.float64], balance: float
) -> NDArray[np.float64]:
    """Apply the Wiener-Hunt filter to one image that is not constant.

    The image is scaled by its own range, which changes nothing but rounding: the
    filter is linear, and keeps constants.
    """
    scale = float(image.min()), float(image.max())
    unit = scale_to_unit(image, scale).astype(np.float64)
    # The filter takes the image as periodic. So its last row or column goes on beyond
    # each border for the size of the kernel, and then fades to the mean.
    padded = np.pad(unit, [(2 * side, 2 * side) for side in psf.shape], mode="edge")
    rows, columns = map(_fading, unit.shape, psf.shape)
    mean = unit.mean()
    padded = mean + (padded - mean) * np.outer(rows, columns)
    restored = wiener(padded, psf, np.clip(balance, _LEAST, _MOST), clip=False)
    height, width = (2 * side for side in psf.shape)
    inside: NDArray[np.float64] = restored[height:-height, width:-width]
    return inside


def _fading(side: int, kernel_side: int) -> NDArray[np.float64]:
    """Weights along one axis: a ramp from 0, ones, and the same back."""
    ramp = np.arange(kernel_side) / kernel_side
    return np.concatenate([ramp, np.ones(side + 2 * kernel_side), ramp[::-1]])


def _checked_psf(psf: Any) -> NDArray[np.float64]:
    """Check the `psf` parameter where it is no "auto"; scale it to the sum 1."""
    wanted = (
        "psf must be 'auto' or a 2-D array of finite numbers, not negative and not "
        "all zero, got "
    )
    if isinstance(psf, str):
        raise ValueError(f"{wanted}{psf!r}.")
    try:
        given = np.asarray(psf)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{wanted}{psf!r}.") from error
    if given.dtype.kind not in "buif":
        raise TypeError(f"{wanted}{psf!r}.")
    if given.ndim != 2 or given.size == 0:
        raise ValueError(f"{wanted}an array of shape {given.shape}.")
    kernel = given.astype(np.float64)
    if not (np.isfinite(kernel).all() and kernel.min() >= 0 and kernel.max() > 0):
        raise ValueError(f"{wanted}values from {kernel.min():g} to {kernel.max():g}.")
    kernel = kernel / kernel.max()  # or the sum of large numbers might overflow
    scaled: NDArray[np.float64] = kernel / kernel.sum()
    return scaled
