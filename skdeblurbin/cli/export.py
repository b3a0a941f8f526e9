"""``skdeblurbin export``: a model as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

from skdeblurbin.cli._arguments import CommandError, ExitCode, check_output
from skdeblurbin.cli._models import find_model

HELP = "a model as an ONNX file, for programs in any language"
DESCRIPTION = (
    "Writes a model to an ONNX file: grey photos of any size in, binary images out, "
    "with scaling and Otsu's threshold in the graph. Needs the extra onnx."
)
EXAMPLES = ["skdeblurbin export plate -o plate.onnx"]


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
    from skdeblurbin.cli._models import load_model

    model = load_model(arguments.model, "cpu")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        model.to_onnx(output)
    except ImportError as error:
        raise CommandError(str(error), ExitCode.UNUSABLE) from error
    return ExitCode.DONE
