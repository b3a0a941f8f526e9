"""Point-spread functions of motion and of defocus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._parameters import check_number

Kernel = NDArray[np.float32]

_N_TURNS = 8  # of a shaky path


def motion_kernel(length: float, angle: float = 0.0, curvature: float = 0.0) -> Kernel:
    """Build the point-spread function of a camera that moves at constant speed.

    The path is an arc of a circle; it is drawn by spreading densely sampled points
    over their four neighbouring pixels, which keeps their centroid exactly.

    Parameters
    ----------
    length : float
        Length of the path in pixels, in [0, inf). 0 gives the identity kernel.
    angle : float, default=0.0
        Direction at the middle of the path in radians, counted from the x axis
        (columns) towards the y axis (rows, downwards).
    curvature : float, default=0.0
        Angle in radians by which the direction turns over the whole path; 0 is a
        straight line, pi half a circle.

    Returns
    -------
    kernel : ndarray of shape (size, size), float32
        Non-negative, sum 1, `size` odd, centroid in the central pixel.

    Raises
    ------
    TypeError, ValueError
        If a parameter is no finite number, or `length` is negative.

    Examples
    --------
    >>> from skdeblurbin.datasets.degradations import motion_kernel
    >>> motion_kernel(0.0)
    array([[1.]], dtype=float32)
    >>> motion_kernel(9.0, angle=0.5).shape
    (9, 9)
    """
    check_number(length, "length", low=0)
    check_number(angle, "angle", low=-np.inf, include_low=False)
    check_number(curvature, "curvature", low=-np.inf, include_low=False)
    if length == 0:
        return np.ones((1, 1), np.float32)
    n_points = int(np.ceil(8 * length)) + 1
    # Midpoint rule: each sample stands for an equal piece of the exposure time.
    t = (np.arange(n_points) + 0.5) / n_points - 0.5
    heading = angle + curvature * t
    step = length / n_points
    x = np.cumsum(np.cos(heading)) * step
    y = np.cumsum(np.sin(heading)) * step
    return _path_kernel(x, y)


def shake_kernel(
    length: float, rng: np.random.Generator, jitter: float = 0.5
) -> Kernel:
    """Build the point-spread function of a camera that shakes while it moves.

    The path begins in any direction, which then wanders as a random walk of eight
    turns, smoothly from one to the next; the speed varies by up to a half.

    Parameters
    ----------
    length : float
        Length of the path in pixels, in [0, inf). 0 gives the identity kernel.
    rng : numpy.random.Generator
        Draws the path.
    jitter : float, default=0.5
        Standard deviation of a turn in radians, in [0, inf).

    Returns
    -------
    kernel : ndarray of shape (size, size), float32
        Non-negative, sum 1, `size` odd, centroid in the central pixel.

    Raises
    ------
    TypeError, ValueError
        If a parameter is no finite number, or negative.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import shake_kernel
    >>> kernel = shake_kernel(9.0, np.random.default_rng(0))
    >>> kernel.shape[0] % 2, round(float(kernel.sum()), 3)
    (1, 1.0)
    """
    check_number(length, "length", low=0)
    check_number(jitter, "jitter", low=0)
    turns = np.cumsum([rng.uniform(0, 2 * np.pi), *rng.normal(0, jitter, _N_TURNS)])
    speeds = 1 + rng.uniform(-0.5, 0.5, _N_TURNS + 1)
    if length == 0:
        return np.ones((1, 1), np.float32)
    n_points = int(np.ceil(8 * length)) + 1
    t = np.linspace(0, _N_TURNS, n_points)
    at = np.arange(_N_TURNS + 1)
    heading, speed = np.interp(t, at, turns), np.interp(t, at, speeds)
    step = length * speed / speed.sum()
    return _path_kernel(
        np.cumsum(np.cos(heading) * step), np.cumsum(np.sin(heading) * step)
    )


def _path_kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> Kernel:
    """The kernel of a path of points that stand for equal times each."""
    x, y = x - x.mean(), y - y.mean()
    half = max(1, int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))))
    return _splat(x + half, y + half, 2 * half + 1)


def _splat(x: NDArray[np.float64], y: NDArray[np.float64], size: int) -> Kernel:
    """Spread points bilinearly over a square grid; the weights sum to one."""
    kernel = np.zeros((size + 1, size + 1))
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    np.add.at(kernel, (row, column), (1 - down) * (1 - right))
    np.add.at(kernel, (row, column + 1), (1 - down) * right)
    np.add.at(kernel, (row + 1, column), down * (1 - right))
    np.add.at(kernel, (row + 1, column + 1), down * right)
    return (kernel[:size, :size] / len(x)).astype(np.float32)


def disk_kernel(radius: float) -> Kernel:
    """Build the point-spread function of a defocused lens: an anti-aliased disk.

    Parameters
    ----------
    radius : float
        Radius in pixels, in [0, inf). 0 gives the identity kernel.

    Returns
    -------
    kernel : ndarray of shape (size, size), float32
        Non-negative, sum 1, `size` odd, symmetric in both axes.

    Raises
    ------
    TypeError, ValueError
        If `radius` is no finite number or negative.

    Examples
    --------
    >>> from skdeblurbin.datasets.degradations import disk_kernel
    >>> kernel = disk_kernel(2.0)
    >>> kernel.shape, round(float(kernel.sum()), 3)
    ((5, 5), 1.0)
    """
    check_number(radius, "radius", low=0)
    half = int(np.ceil(max(0.0, radius - 0.5)))
    if half == 0:
        return np.ones((1, 1), np.float32)
    n_sub, size = 8, 2 * half + 1
    centres = (np.arange(size * n_sub) + 0.5) / n_sub - size / 2
    inside = centres[:, None] ** 2 + centres[None, :] ** 2 <= radius**2
    cover = inside.reshape(size, n_sub, size, n_sub).mean(axis=(1, 3))
    kernel: Kernel = (cover / cover.sum()).astype(np.float32)
    return kernel
