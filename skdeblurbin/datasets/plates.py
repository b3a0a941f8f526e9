"""Drawn licence plates: a blurred photo and the exact binary image of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count, islice
from numbers import Integral
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skdeblurbin._parameters import check_number, check_verbose
from skdeblurbin._progress import PATIENCE, Progress
from skdeblurbin.datasets._decoration import soil
from skdeblurbin.datasets._palette import ON_PLATE, PAPER, Palette
from skdeblurbin.datasets._scene import (
    characters_artwork,
    plate_artwork,
    surroundings,
    view_corners,
    warp,
)
from skdeblurbin.datasets._texts import draw_plate_text
from skdeblurbin.datasets.degradations import EFFECTS, degrade

__all__ = ["make_blurred_plates"]

Layout = Literal["characters", "plate"]
Effects = str | Collection[str]
Images = NDArray[np.uint8]
RandomState = int | np.random.RandomState | None

DEFAULT_SHAPES: dict[Layout, tuple[int, int]] = {
    "characters": (128, 128),
    "plate": (128, 192),
}
MIN_SIDE = 16
TWO_LINES_SHARE = 0.5
# Most plates of the world have one line; those with names nearly all.
TWO_LINES_SHARE_NAMED = 0.3


@overload
def make_blurred_plates(
    n_samples: int = ...,
    image_shape: tuple[int, int] | None = ...,
    layout: Layout = ...,
    *,
    severity: float = ...,
    light_on_dark: float = ...,
    effects: Effects = ...,
    return_text: Literal[False] = ...,
    random_state: RandomState = ...,
    verbose: int = ...,
) -> tuple[Images, Images]: ...


@overload
def make_blurred_plates(
    n_samples: int = ...,
    image_shape: tuple[int, int] | None = ...,
    layout: Layout = ...,
    *,
    severity: float = ...,
    light_on_dark: float = ...,
    effects: Effects = ...,
    return_text: Literal[True],
    random_state: RandomState = ...,
    verbose: int = ...,
) -> tuple[Images, Images, list[str]]: ...


def make_blurred_plates(
    n_samples: int = 100,
    image_shape: tuple[int, int] | None = None,
    layout: Layout = "characters",
    *,
    severity: float = 0.5,
    light_on_dark: float = 0.25,
    effects: Effects = (),
    return_text: bool = False,
    random_state: RandomState = None,
    verbose: int = 0,
) -> tuple[Images, Images] | tuple[Images, Images, list[str]]:
    """Draw blurred licence plates and the exact binary image of each.

    Photo and truth come from the same geometry: the plate is drawn at several samples
    a pixel; the truth is ink where paper covers less than half of a pixel, and the
    photo is the same drawing after light, blur, sampling, noise and JPEG (see
    :func:`~skdeblurbin.datasets.degradations.degrade`). No step shifts the picture.
    Plates are dark on light or light on dark; the numbers follow the patterns of a
    dozen countries; half of them have two lines.

    Parameters
    ----------
    n_samples : int, default=100
        How many pairs to draw, at least 1.
    image_shape : tuple (height, width), default=None
        Size of the images in pixels, each at least 16. None is (128, 128) for
        ``layout="characters"`` and (128, 192) for ``layout="plate"``, as in [1]_.
    layout : {"characters", "plate"}, default="characters"
        "characters" is a rectified plate without its border: the characters fill the
        picture, stretched to it if need be. "plate" is an unrectified plate: border,
        a little of what is around it, rotation, shear and perspective, sometimes a
        holder, bolts, or the coloured band of European plates.
    severity : float, default=0.5
        How bad the photo is, in [0, 1]. 0 is sharp, 0.5 a typical blurred plate
        (motion of 3 to 9 pixels for 64 rows of image, so 6 to 18 for 128), 1 hard
        to read (up to 13 pixels for 64 rows). The strength of each effect varies
        from image to image, from 0.4 to 1.2 times `severity`.
    light_on_dark : float, default=0.25
        Share of the plates that have light characters on a dark ground, in [0, 1].
    effects : "all" or collection of str, default=()
        What real plates and photos have besides:

        - "lettering": characters from dies of their own, as many as there are plates;
          plates of the USA, and signs of other scripts; names and slogans above and
          below the number, pictures and emblems behind it, badges, stickers, a masked
          character.
        - "surface": embossed, bolder and finer strokes, stains and dirt.
        - "view": crops that cut the border off, or take in more of the car; steep
          views. Without effect on "characters".
        - "light": glare and night.
        - "camera": halos of sharpening, rolling gain, blocks of video compression,
          plates that were 16 rows high; and good cameras, whose photos have full
          resolution and little noise.
        - "motion": paths of up to 20 pixels for 64 rows, shaky ones too; defocus of a
          radius of up to 6 pixels.
    return_text : bool, default=False
        Whether to return the plate numbers too.
    random_state : int, RandomState instance or None, default=None
        An int gives the same images in each call. Image ``i`` depends on
        `random_state` and ``i`` alone (for given other parameters), not on
        `n_samples`. None takes one number from numpy's global generator, as
        everywhere in scikit-learn.
    verbose : int or bool, default=0
        Above 0, drawing that takes longer than two seconds shows how far it is, in a
        live line on stderr where that is a terminal.

    Returns
    -------
    X_blur : ndarray of shape (n_samples, height, width), uint8 in [0, 255]
        The photos.
    Y_bin : ndarray of shape (n_samples, height, width), uint8 in {0, 1}
        The truth, the same for both polarities: 0 is ink, 1 is paper. In "characters"
        ink is the characters, hyphens and dots, the rest paper. In "plate" paper is
        the field inside the border, less characters and bolts (names, pictures and
        stickers are paper); all else is ink: the
        border line, the rim or holder outside it, the coloured band, and everything
        around the plate whatever its brightness. So the paper is one quadrangle,
        from which the plate can be rectified.
    texts : list of str
        The plate numbers, line after line with a blank between two lines, with the
        hyphens, dots and blanks that are on the plate: ``"59-X1 234.56"``. With
        "lettering", ``"*"`` stands for a sign of another script. Only if `return_text`
        is True.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    load_image_pairs : Read pairs of your own from two folders.

    References
    ----------
    .. [1] Nguyen and Nguyen, "Joint Image Deblurring and Binarization for License
       Plate Images using Deep Generative Adversarial Networks".

    Examples
    --------
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> X, Y, texts = make_blurred_plates(2, return_text=True, random_state=0)
    >>> X.shape, X.dtype, Y.shape
    ((2, 128, 128), dtype('uint8'), (2, 128, 128))
    >>> X, Y = make_blurred_plates(1, (64, 192), layout="plate", random_state=0)
    >>> sorted(set(Y.ravel().tolist()))
    [0, 1]
    """
    n_samples = _check_n_samples(n_samples)
    if not isinstance(return_text, (bool, np.bool_)):
        raise TypeError(f"return_text must be a bool, got {return_text!r}.")
    check_verbose(verbose)
    drawn = draw_one_by_one(
        image_shape,
        layout,
        severity=severity,
        light_on_dark=light_on_dark,
        effects=effects,
        random_state=random_state,
    )
    texts = []
    progress = Progress(n_samples, "plates", wanted=bool(verbose), delay=PATIENCE)
    with progress:
        for i, (photo, truth, text) in enumerate(islice(drawn, n_samples)):
            if i == 0:
                photos = np.empty((n_samples, *photo.shape), np.uint8)
                truths = np.empty((n_samples, *truth.shape), np.uint8)
            photos[i], truths[i] = photo, truth
            texts.append(text)
            progress.advance()
    return (photos, truths, texts) if return_text else (photos, truths)


def draw_one_by_one(
    image_shape: tuple[int, int] | None,
    layout: Layout,
    *,
    severity: float,
    light_on_dark: float,
    effects: Effects,
    random_state: RandomState,
) -> Iterator[tuple[Images, Images, str]]:
    """Check the parameters of `make_blurred_plates`, and draw plates without end.

    Yields
    ------
    photo, truth : ndarray of shape (height, width)
    text : str
    """
    check_number(severity, "severity", low=0, high=1)
    scenes = draw_scenes(
        image_shape,
        layout,
        light_on_dark=light_on_dark,
        effects=effects,
        random_state=random_state,
    )
    chosen = _check_effects(effects)

    def photograph(scene: Scene) -> tuple[Images, Images, str]:
        photo = degrade(scene.grey, severity, scene.rng, chosen)
        return np.rint(photo * 255).astype(np.uint8), scene.truth, scene.text

    return map(photograph, scenes)


@dataclass(frozen=True)
class Scene:
    """A sharp plate before it is photographed.

    Attributes
    ----------
    grey : float32 ndarray of shape (height, width)
        In [0, 1].
    truth : uint8 ndarray of shape (height, width)
        0 is ink, 1 is paper.
    text : str
    rng : numpy.random.Generator
        For what happens to it next.
    """

    grey: NDArray[np.float32]
    truth: Images
    text: str
    rng: np.random.Generator


def draw_scenes(
    image_shape: tuple[int, int] | None,
    layout: Layout,
    *,
    light_on_dark: float,
    effects: Effects,
    random_state: RandomState,
) -> Iterator[Scene]:
    """Check the parameters, and draw sharp plates without end."""
    layout = _check_layout(layout)
    shape = _check_image_shape(image_shape, layout)
    check_number(light_on_dark, "light_on_dark", low=0, high=1)
    chosen = _check_effects(effects)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    def draw(number: int) -> Scene:
        rng = np.random.default_rng([seed, number])
        named = "lettering" in chosen
        share = TWO_LINES_SHARE_NAMED if named else TWO_LINES_SHARE
        n_lines = 2 if rng.random() < share else 1
        lines = draw_plate_text(rng, n_lines, named=named)
        palette = Palette.draw(rng, light_on_dark)
        grey, truth = _draw_scene(shape, layout, lines, palette, chosen, rng)
        return Scene(grey, truth, " ".join(lines), rng)

    return map(draw, count())


def _check_n_samples(n_samples: object) -> int:
    allowed = "an int in [1, inf)"
    if isinstance(n_samples, bool) or not isinstance(n_samples, Integral):
        raise TypeError(f"n_samples must be {allowed}, got {n_samples!r}.")
    if n_samples < 1:
        raise ValueError(f"n_samples must be {allowed}, got {n_samples!r}.")
    return int(n_samples)


def _check_layout(layout: object) -> Layout:
    if layout == "characters":
        return "characters"
    if layout == "plate":
        return "plate"
    raise ValueError(f"layout must be one of 'characters', 'plate', got {layout!r}.")


def _check_effects(effects: object) -> frozenset[str]:
    if isinstance(effects, str) and effects == "all":
        return frozenset(EFFECTS)
    message = (
        f"effects must be 'all' or a collection of some of {', '.join(EFFECTS)}, got "
        f"{effects!r}."
    )
    if isinstance(effects, str) or not isinstance(effects, Collection):
        raise TypeError(message)
    if not set(effects) <= set(EFFECTS):
        raise ValueError(message)
    return frozenset(effects)


def _check_image_shape(image_shape: object, layout: Layout) -> tuple[int, int]:
    if image_shape is None:
        return DEFAULT_SHAPES[layout]
    message = (
        "image_shape must be None or a tuple (height, width) of two ints in "
        f"[{MIN_SIDE}, inf), got {image_shape!r}."
    )
    if not isinstance(image_shape, (tuple, list)) or any(
        isinstance(side, bool) or not isinstance(side, Integral) for side in image_shape
    ):
        raise TypeError(message)
    if len(image_shape) != 2 or min(image_shape) < MIN_SIDE:
        raise ValueError(message)
    return int(image_shape[0]), int(image_shape[1])


def _draw_scene(
    shape: tuple[int, int],
    layout: Layout,
    lines: tuple[str, ...],
    palette: Palette,
    effects: frozenset[str],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], Images]:
    """Draw the sharp scene, float32 in [0, 1], and its truth in {0, 1}."""
    height, width = shape
    factor = _supersampling(shape)
    size = (width * factor, height * factor)
    if layout == "plate":
        aspect = rng.uniform(2.5, 4.7) if len(lines) == 1 else rng.uniform(1.2, 2.0)
        if "lettering" in effects and len(lines) == 1 and rng.random() < 0.6:
            aspect = rng.uniform(1.8, 2.4)
        corners = view_corners(size, aspect, rng, free="view" in effects)
        artwork = plate_artwork(size, lines, palette, rng, effects, aspect)
        outside = (0, 0, 0)
    else:
        # What rectification leaves: corners off by up to one hundredth of the side.
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
        corners = (corners + rng.uniform(-0.01, 0.01, size=(4, 2))) * size
        artwork = characters_artwork(size, lines, palette, rng, effects)
        outside = (palette.paper, PAPER, ON_PLATE)
    drawn = np.asarray(warp(artwork, corners, size, outside).reduce(factor))
    grey, paper, on_plate = (drawn[..., band] for band in range(3))
    if "surface" in effects:
        grey = soil(grey.astype(np.float32), rng)
    around: NDArray[np.uint8] | int = 0
    if layout == "plate":
        around = surroundings(shape, rng, cluttered="view" in effects)
    scene = grey + around * (1 - on_plate.astype(np.float32) / 255)
    truth = (paper >= 128).astype(np.uint8)
    return (scene / 255).clip(0, 1).astype(np.float32), truth


def _supersampling(shape: tuple[int, int]) -> int:
    """How many samples a pixel gets along each axis: enough, but not too many."""
    return int(np.clip(384 // min(shape), 2, 8))
