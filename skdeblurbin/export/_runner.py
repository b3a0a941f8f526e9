"""Exported models as binarizers, without torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._base import BaseBinarizer, closing_iterator, shown_to_callbacks
from skdeblurbin._files import OF_BAD_CONTENT, ModelFileError
from skdeblurbin._gan_fitted import check_fitted, restored_attributes
from skdeblurbin._parameters import check_image_shape, check_number, check_verbose
from skdeblurbin._progress import PATIENCE, Progress
from skdeblurbin._ranges import scale_all_to_unit
from skdeblurbin._validation import Images
from skdeblurbin.export._format import (
    ABOUT,
    BINARY,
    DEBLURRED,
    RESERVED,
    feed_of,
    parse_about,
    read_sealed,
    with_added,
)

_FITTED = (
    "classes_",
    "input_range_",
    "image_shape_",
    "n_epochs_",
    "n_features_in_",
    "feature_names_in_",
    "metadata_",
    "image_shape",
    "_fitted_on_integers",
)


class _Opened(NamedTuple):
    """A file that was read, and what it was read with."""

    parameters: tuple[Any, ...]
    data: bytes
    fitted: dict[str, Any]


class OnnxBinarizer(BaseBinarizer):
    """Run a file that `GANBinarizer.to_onnx` wrote, without torch.

    `predict` and `deblur` take and give what those of the exported `GANBinarizer` do;
    what they give may differ by rounding. Images go through the network one by one. The
    file is read when it is first needed, and by `fit`; from then on a pickle holds it.

    It counts as fitted without `fit`. Its fitted attributes are the file's: looking at
    one, by `hasattr` too, reads the file, and raises `ModelFileError` if there is none,
    rather than "not fitted", which `fit` could not help.

    Parameters
    ----------
    path : path
        Of the file.
    n_threads : int or None, default=None
        CPU threads of ONNX Runtime; None takes all cores.
    providers : sequence of str, default=("CPUExecutionProvider",)
        Where ONNX Runtime computes, the most wanted first. Other providers than that of
        the CPU need other builds of ONNX Runtime, and were not tried.
    verbose : int or bool, default=0
        Whether `predict`, `deblur` and `score` show a live line on stderr when they
        take longer than two seconds; in logs they never do.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The two values of binary images, ink (the lower) first.
    input_range_ : tuple (low, high)
        The values that are taken as black and white.
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_epochs_ : int
        Number of epochs that the model was trained.
    n_features_in_ : int
        Number of columns of the training `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if it was a data frame with such names.
    metadata_ : dict of str to str
        What the file says of the model: name, version, licence, scores.

    See Also
    --------
    skdeblurbin.GANBinarizer.to_onnx : Writes such files.

    Examples
    --------
    >>> from skdeblurbin.export import OnnxBinarizer
    >>> model = OnnxBinarizer("plate.onnx")  # nothing is read yet
    >>> binary = model.predict(photos)  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        n_threads: int | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        verbose: int = 0,
    ) -> None:
        self.path = path
        self.n_threads = n_threads
        self.providers = providers
        self.verbose = verbose

    @shown_to_callbacks
    def fit(self, X: Any, Y: Any = None) -> Self:
        """Read the file anew. Nothing is learnt: the model in it is trained.

        Parameters
        ----------
        X, Y : ignored

        Returns
        -------
        self

        Raises
        ------
        ModelFileError
            If there is no such file, or it is damaged, of another kind or of a later
            version.
        ImportError
            If onnxruntime is not installed.
        ValueError, TypeError
            If `n_threads`, `providers` or `verbose` is not as described.
        """
        for name in ("_opened", "_session"):
            self.__dict__.pop(name, None)
        self._open()
        return self

    def deblur(self, X: Any) -> Any:
        """Map blurred images to the deblurred, grey images.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.

        Returns
        -------
        float32 ndarray of shape (n_samples, height, width) or (n_samples, \
                n_features), or list
            Grey images in [0, 1], in the form of `X`: dark is ink, bright is paper.

        Raises
        ------
        ModelFileError, ImportError, ValueError, TypeError
            As :meth:`fit` and :meth:`predict`.
        """
        images = self._check_new_images(X)
        with closing_iterator(self._run(images, DEBLURRED)) as deblurred:
            return images.pack(deblurred)

    def _binarize(self, images: Images) -> Iterator[NDArray[np.bool_]]:
        with closing_iterator(self._binarize_for_caller(images)) as found:
            for image, paper in zip(images.grey, found, strict=True):
                if paper.shape != image.shape:
                    raise ValueError(
                        f"{self.path} was exported with output_scale='model': it gives "
                        f"images of shape {paper.shape}, which cannot be compared with "
                        f"truth of shape {image.shape}. Export the model with "
                        "output_scale='input', or score before the export."
                    )
                yield paper

    def _binarize_for_caller(self, images: Images) -> Iterator[NDArray[np.bool_]]:
        with closing_iterator(self._run(images, BINARY)) as found:
            for binary in found:
                yield binary != 0

    def _run(self, images: Images, output: str) -> Iterator[NDArray[Any]]:
        """One output for each image, as they are asked for."""
        session = self._open()
        options = _path_only()
        scaled = scale_all_to_unit(
            images.grey, images.extents, self.input_range_, self._fitted_on_integers
        )
        with Progress(
            len(images), "images", wanted=bool(self.verbose), delay=PATIENCE
        ) as progress:
            for unit in scaled:
                found = session.run([output], feed_of(unit), options)[0][0]
                progress.advance()
                yield found

    def _check_new_images(self, X: Any) -> Images:
        self._open()
        return super()._check_new_images(X)

    def _open(self) -> Any:
        """The session of ONNX Runtime; the file is read unless it was before."""
        check_verbose(self.verbose)
        parameters = (self.path, self.n_threads, tuple(self.providers))
        opened: _Opened | None = vars(self).get("_opened")
        session = vars(self).get("_session")
        if opened and session and opened.parameters == parameters:
            return session
        is_known = opened is not None and opened.parameters[0] == self.path
        data = opened.data if opened and is_known else read_sealed(self.path)
        session = _session(self.path, data, self.n_threads, self.providers)
        self._opened = _Opened(parameters, data, _fitted(self.path, session))
        self._session = session
        return session

    def __getattr__(self, name: str) -> Any:
        # What the file tells is not kept beside it: `path` may be set to another.
        if name in _FITTED:
            self._open()
            if name in self._opened.fitted:
                return self._opened.fitted[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_session"}


def _session(
    path: str | PathLike[str],
    data: bytes,
    n_threads: int | None,
    providers: Sequence[str],
) -> Any:
    """ONNX Runtime with a file in it."""
    check_number(n_threads, "n_threads", low=1, integer=True, optional=True)
    runtime = _onnxruntime()
    there = runtime.get_available_providers()
    missing = sorted(set(providers) - set(there))
    if missing or not providers or isinstance(providers, str):
        raise ValueError(
            f"providers must be a sequence of names among {', '.join(there)}, which "
            f"this build of ONNX Runtime has; got {providers!r}."
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = n_threads or 0
    options.log_severity_level = 3  # warnings of nodes that it simplifies
    try:
        return runtime.InferenceSession(
            with_added(data), options, providers=list(providers)
        )
    except Exception as error:  # it has classes of its own, without a common base
        raise ModelFileError(path, f"ONNX Runtime does not load it: {error}") from error


def _onnxruntime() -> Any:
    if importlib.util.find_spec("onnxruntime") is None:
        raise ImportError(
            "OnnxBinarizer needs the package onnxruntime: pip install "
            '"skdeblurbin[onnxruntime]".'
        )
    import onnxruntime

    return onnxruntime


def _path_only() -> Any:
    """Options of a run that compute what is asked for, and not the other outputs."""
    options = _onnxruntime().RunOptions()
    options.only_execute_path_to_fetches = True
    return options


def _fitted(path: str | PathLike[str], session: Any) -> dict[str, Any]:
    """The attributes that a file gives, checked."""
    metadata = dict(session.get_modelmeta().custom_metadata_map)
    try:
        about = parse_about(metadata[ABOUT])
        check_fitted(about["fitted"])
        return {
            **restored_attributes(about["fitted"]),
            "image_shape": check_image_shape(about["image_shape"]),
            "metadata_": {k: v for k, v in metadata.items() if k not in RESERVED},
        }
    except OF_BAD_CONTENT as error:
        raise ModelFileError(path, str(error) or type(error).__name__) from error
