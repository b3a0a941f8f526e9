"""A fitted GANBinarizer as an ONNX file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

import skdeblurbin
from skdeblurbin._files import write_atomically
from skdeblurbin._gan_files import GANFiles
from skdeblurbin._gan_header import as_plain
from skdeblurbin._gan_parameters import check_output_scale
from skdeblurbin._ranges import scale_all_to_unit
from skdeblurbin._tensors import to_numpy_state
from skdeblurbin.export._program import BinarizerProgram
from skdeblurbin.export._writing import check_metadata, check_packages, onnx_bytes
from skdeblurbin.networks import DenseGenerator
from skdeblurbin.persistence import pretrained_folder

# What images of bytes can be read on.
_RANGES_OF_BYTES = ((0.0, 1.0), (0.0, 255.0))
# Of an epoch's entry in the history, the first decides which epoch is kept.
_SCORES = ("validation_rmse", "validation_f_measure")


class GANExport(GANFiles):
    """Exports what `GANFiles` saves and loads."""

    def to_onnx(
        self,
        path: str | PathLike[str],
        *,
        calibration: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the fitted model to an ONNX file, for programs in any language.

        Scaling, resizing to `working_shape`, padding, the network, cropping and Otsu's
        threshold are in its graph; `output_scale` is kept. Batch, height and width are
        free. Needs ``pip install "skdeblurbin[onnx]"``, and takes some seconds. The
        file is as large as the weights in float32: 3.2 MB for the models in the
        package. Equal models give equal bytes, with equal versions of torch and onnx.

        ========= ======= ============================= ==============================
        tensor    dtype   shape                         meaning
        ========= ======= ============================= ==============================
        image     uint8   (n_images, height, width)     the input: grey photos
        binary    uint8   the same; with the model's    0 is ink, 255 is paper,
                          `output_scale` that of        whatever `classes_` are
                          `working_shape`
        grey      uint8   as binary                     deblurred, before Otsu's
                                                        threshold
        deblurred float32 as binary                     the same, in [0, 1]
        ========= ======= ============================= ==============================

        In float32, ``binary`` is what `predict` gives, but for one pixel in 10,000 at
        most.
        :class:`skdeblurbin.export.OnnxBinarizer` runs the file from Python without
        torch.

        Parameters
        ----------
        path : path
            Mostly with the suffix ``.onnx``. A file that is there is replaced.
        calibration : array-like or list of images, default=None
            Photos such as the model is to see, two or three dozen. If they are given,
            convolutions compute in 8-bit integers, whose ranges are those met on these
            photos: a fifth less time (where that was measured) and a third of the
            space for a little exactness. None keeps float32.
        metadata : dict with str keys, default=None
            What the file is to say of the model; values are texts, or become JSON.
            "name" and "version" (of the library) are there anyway; so is "scores" for a
            model that was fitted with pairs to validate on: number, RMSE and F-measure
            of the epoch in `history_` with the lowest validation RMSE, which is the one
            that was kept. (`load` knows a history only if the model was saved with
            ``training_state=True``.) Unchanged models of the package have "licence" and
            the "scores" of their model card. None adds nothing.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        ImportError
            If onnx or onnxscript is not installed, or with `calibration` onnxruntime.
        ValueError
            If the model was trained on another scale than [0, 255] or [0, 1], which
            bytes do not have; if its weights are not finite; if a key of `metadata` is
            the library's own, its "name" is empty, or a text in it has no UTF-8 or
            looks like the file's checksum; if `calibration` holds no images.
        TypeError
            If `metadata` is not as described, or `generator_` not the library's.
        OSError
            If the file cannot be written; one that was there stays as it is.

        See Also
        --------
        skdeblurbin.export.OnnxBinarizer : Runs the file.
        save : Writes a file to load and train on.

        Examples
        --------
        >>> from skdeblurbin import GANBinarizer
        >>> model = GANBinarizer.from_pretrained("plate")
        >>> model.to_onnx("plate.onnx")  # doctest: +SKIP
        """
        check_is_fitted(self)
        given = check_metadata(metadata or {})
        generator = self._checked_generator()
        check_packages(for_integers=calibration is not None)
        photos = None
        if calibration is not None:
            images = self._check_new_images(calibration)
            photos = scale_all_to_unit(
                images.grey, images.extents, self.input_range_, self._fitted_on_integers
            )
        program = BinarizerProgram(
            generator,
            self._checked_working_shape(),
            resize_back=self.output_scale == "input",
            is_unit=self.input_range_[1] == 1,
        )
        about = {
            "fitted": self._saved_attributes(),
            "image_shape": as_plain(self.image_shape, "image_shape"),
        }
        known = {"name": type(self).__name__, "version": skdeblurbin.__version__}
        known |= check_metadata(_validation_scores(self.history_)) | self._card()
        data = onnx_bytes(program, about, known | given, photos)
        write_atomically(Path(path), data)

    def _checked_generator(self) -> DenseGenerator:
        """The generator, if a graph for images of bytes can be made of the model."""
        check_output_scale(self.output_scale, self.working_shape)
        generator = self.generator_
        if not isinstance(generator, DenseGenerator) or (
            type(generator).forward is not DenseGenerator.forward
        ):
            raise TypeError(
                "to_onnx can export a DenseGenerator, but generator_ is a "
                f"{type(generator).__name__}."
            )
        if self.input_range_ not in _RANGES_OF_BYTES:
            raise ValueError(
                "to_onnx writes models for 8-bit images, whose input_range_ is (0, "
                f"255) or (0, 1); this one was fitted on {self.input_range_}. Fit it "
                "on images of that scale."
            )
        for name, weights in generator.state_dict().items():
            if not torch.isfinite(weights).all():
                raise ValueError(
                    f"{name} of generator_ holds numbers that are not finite: the "
                    "model cannot predict."
                )
        return generator

    def _card(self) -> dict[str, str]:
        """What is known of a model of the package, if this is one."""
        weights = to_numpy_state(dict(self.generator_.state_dict()))
        cards = json.loads(pretrained_folder().joinpath("cards.json").read_text())
        for name, card in cards.items():
            known = type(self).from_pretrained(name, device="cpu")
            if known.working_shape != self.working_shape:
                continue
            theirs = to_numpy_state(dict(known.generator_.state_dict()))
            if _equal(weights, theirs):
                return check_metadata({"name": name, **card})
        return {}


def _validation_scores(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of the epoch that was kept, if the last training had validation."""
    # What was trained without since, by `partial_fit`, has other weights.
    validated = takewhile(lambda epoch: _SCORES[0] in epoch, reversed(history))
    # The first of equal ones was kept.
    best = min(reversed(list(validated)), key=itemgetter(_SCORES[0]), default=None)
    return {} if best is None else {"scores": {n: best[n] for n in ("epoch", *_SCORES)}}


def _equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )
