"""``skdeblurbin evaluate``: how well a model does on pairs, beside Otsu's threshold."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from skdeblurbin._progress import Progress
from skdeblurbin.cli._arguments import (
    CommandError,
    ExitCode,
    add_device,
    add_json,
    add_model,
    add_pairs,
    check_folder,
)
from skdeblurbin.cli._models import find_model
from skdeblurbin.cli._output import as_json

HELP = "how well a model does on pairs, beside Otsu's threshold"
DESCRIPTION = (
    "Measures a model on pairs of a blurred photo and its binary image, beside Otsu's "
    "threshold on the photo: means over the images of the root mean squared error "
    "(RMSE), the F-measure of ink, the peak signal-to-noise ratio (PSNR, decibels) and "
    "the distance reciprocal distortion (DRD). All pairs are held in memory. Measure "
    "on pairs that the model was not trained on."
)
EXAMPLES = [
    "skdeblurbin evaluate blurred binary",
    "skdeblurbin evaluate blurred binary --model plates.safetensors --json",
]
#: What the results of Otsu's threshold are called, beside those of the model.
_BASELINE = "otsu"
#: Pairs between two looks of the bar.
_AT_A_TIME = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    add_pairs(parser)
    add_model(parser)
    add_device(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Read pairs, predict, measure, print."""
    blurred, binary = map(check_folder, (arguments.blurred, arguments.binary))
    with find_model(arguments.model):  # a wrong name is told before all else
        pass
    if arguments.model == _BASELINE:  # which would be the name of both results
        raise CommandError(
            f"--model {_BASELINE} is what the results of Otsu's threshold are called: "
            f"give the file as ./{_BASELINE}."
        )
    from skdeblurbin._classical import OtsuBinarizer
    from skdeblurbin.cli._images import binarize, unit_scale
    from skdeblurbin.cli._models import load_model
    from skdeblurbin.datasets import load_image_pairs

    model = load_model(arguments.model, arguments.device, output_scale="input")
    X, Y, names = load_image_pairs(
        blurred, binary, threshold=arguments.threshold, return_names=True
    )
    paper = max(int(image.max()) for image in Y)
    truth = [image == paper for image in Y]
    photos = [unit_scale(image) for image in X]
    otsu = OtsuBinarizer().fit(photos, truth)
    methods: dict[str, Callable[[Sequence[Any]], Any]] = {
        arguments.model: partial(binarize, model),
        _BASELINE: otsu.predict,
    }
    found = _measure_all(truth, photos, methods)
    if arguments.json:
        print(_as_json(names, found))
    else:
        _print_table(found, len(names))
    return ExitCode.DONE


def _measure_all(
    truth: Sequence[Any],
    photos: Sequence[Any],
    methods: dict[str, Callable[[Sequence[Any]], Any]],
) -> dict[str, dict[str, Any]]:
    """Each measure of each method, for each image; a bar shows how far it is."""
    import numpy as np

    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    with Progress(len(photos), "images") as progress:
        for start in range(0, len(photos), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            for name, predict in methods.items():
                parts[name].append(_measure(truth[part], predict(photos[part])))
            progress.advance(len(photos[part]))
    return {
        name: {
            measure: np.concatenate([part[measure] for part in measured])
            for measure in measured[0]
        }
        for name, measured in parts.items()
    }


def _measure(truth: Sequence[Any], images: Sequence[Any]) -> dict[str, Any]:
    """Each measure, for each image."""
    from skdeblurbin.metrics import drd, f_measure, psnr, root_mean_squared_error

    both = [False, True]
    return {
        "rmse": root_mean_squared_error(truth, images, per_image=True),
        "f_measure": f_measure(truth, images, classes=both, per_image=True),
        "psnr": psnr(truth, images, per_image=True),
        "drd": drd(truth, images, classes=both, per_image=True),
    }


def _as_json(names: Sequence[str], found: dict[str, dict[str, Any]]) -> str:
    means = {
        method: {measure: values.mean() for measure, values in measured.items()}
        for method, measured in found.items()
    }
    images = [
        {"name": name}
        | {
            method: {measure: values[i] for measure, values in measured.items()}
            for method, measured in found.items()
        }
        for i, name in enumerate(names)
    ]
    return as_json({"n_images": len(names), "means": means, "images": images})


def _print_table(found: dict[str, dict[str, Any]], n_images: int) -> None:
    width = max(map(len, found)) + 2
    print(f"{n_images} images, means over them (less RMSE and DRD is better)")
    print(f"{'':{width}}{'RMSE':>8}{'F ink':>8}{'PSNR dB':>9}{'DRD':>9}")
    for method, measured in found.items():
        rmse, ink, psnr, drd = (values.mean() for values in measured.values())
        print(f"{method:{width}}{rmse:8.4f}{ink:8.4f}{psnr:9.2f}{drd:9.2f}")
