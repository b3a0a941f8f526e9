"""``skdeblurbin export``: a model as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skdeblurbin.cli._arguments import (
    CommandError,
    ExitCode,
    add_output_scale,
    check_folder,
    check_output,
    some,
    text_setting,
)
from skdeblurbin.cli._models import find_model

HELP = "a model as an ONNX file, for programs in any language"
DESCRIPTION = (
    "Writes a model to an ONNX file: grey photos of any size in, binary images out, "
    "with scaling and Otsu's threshold in the graph. Needs the extra onnx."
)
EXAMPLES = [
    "skdeblurbin export plate -o plate.onnx",
    "skdeblurbin export plate -o plate_int8.onnx --calibration photos",
    "skdeblurbin export mine.safetensors -o mine.onnx --metadata licence=MIT",
]
#: As many photos tell the ranges of feature maps well enough.
_N_CALIBRATION = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="plate or characters, which are in the package, or a file that train "
        "wrote",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="mostly with the suffix .onnx",
    )
    add_output_scale(parser)
    parser.add_argument(
        "--calibration",
        metavar="FOLDER",
        help="photos such as the model is to see, a few dozen; with them it computes "
        f"in 8-bit integers. Of many, {_N_CALIBRATION} at most are read",
    )
    parser.add_argument(
        "--metadata",
        type=text_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a text that FILE is to say of the model, again and again: "
        "'name=gate 3', licence=MIT, 'scores={\"RMSE\": 0.2}'",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a FILE that is there"
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Load and export."""
    output = Path(arguments.output)
    with find_model(arguments.model) as source:  # a wrong name is told before all else
        if output.exists() and output.samefile(source):
            raise CommandError(
                f"the output {str(output)!r} is the model itself: name another."
            )
    check_output(output, may_replace=arguments.overwrite)
    metadata = _checked_metadata(arguments.metadata)
    files = _calibration_files(arguments.calibration)
    from skdeblurbin.cli._models import load_model

    model = load_model(arguments.model, "cpu", arguments.output_scale)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        model.to_onnx(output, calibration=_read(files, model), metadata=metadata)
    except ImportError as error:
        raise CommandError(str(error), ExitCode.UNUSABLE) from error
    return ExitCode.DONE


def _checked_metadata(given: list[tuple[str, str]]) -> dict[str, str]:
    """The texts of --metadata, each name once."""
    metadata = dict(given)
    if len(metadata) < len(given):
        names = [name for name, _ in given]
        twice = some(sorted({name for name in names if names.count(name) > 1}))
        raise CommandError(f"--metadata: {twice} is given more than once.")
    from skdeblurbin.export._writing import check_metadata

    try:
        return check_metadata(metadata)
    except ValueError as error:
        raise CommandError(f"--metadata: {error}") from error


def _calibration_files(folder: str | None) -> list[Path]:
    """The photos in a folder, or some from its beginning to its end."""
    if folder is None:
        return []
    from skdeblurbin.datasets._reading import is_image_file

    files = sorted(filter(is_image_file, check_folder(folder).iterdir()))
    if not files:
        raise CommandError(f"there are no images in {folder!r}.")
    step = -(-len(files) // _N_CALIBRATION)
    return files[::step]


def _read(files: list[Path], model: Any) -> list[Any] | None:
    from skdeblurbin.cli._images import read_photo, scale_for

    photos = []
    for file in files:
        try:
            photo = read_photo(str(file), model.max_image_pixels)
        except Exception as error:  # Pillow's decoders raise whatever they like
            raise CommandError(
                f"{str(file)!r} cannot be read: {error}", ExitCode.UNUSABLE
            ) from error
        photos.append(scale_for(model, photo))
    return photos or None
