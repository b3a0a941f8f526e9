"""``skdeblurbin info``: what a model's file says of itself."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from skdeblurbin._files import ModelFileError
from skdeblurbin.cli._arguments import ExitCode, add_json
from skdeblurbin.cli._models import find_model
from skdeblurbin.cli._output import as_json
from skdeblurbin.persistence import read_model

HELP = "what a model's file says of itself"
DESCRIPTION = (
    "Prints what is in a model's file: format, versions of the libraries that wrote "
    "it, parameters, what it was trained on, and its SHA-256. The file is checked "
    "against its own checksum; nothing in it is executed, and no network is built."
)
EXAMPLES = ["skdeblurbin info plate", "skdeblurbin info plates.safetensors --json"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="plate or characters, which are in the package, or a file",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Read the file and print."""
    with find_model(arguments.model) as path:
        try:
            found = _describe(path)
        except RecursionError as error:
            raise ModelFileError(path, "its header nests too deeply") from error
    if arguments.json:
        print(as_json(found))
        return ExitCode.DONE
    for name, value in found.items():
        print(f"{json.dumps(name)[1:-1]:<14} {_text(value)}")
    return ExitCode.DONE


def _describe(path: Path) -> dict[str, Any]:
    """What is to be known of a model, all of it as JSON has it."""
    about, arrays = read_model(path, None)
    training = about.pop("training", None)
    found = {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "numbers": sum(array.size for array in arrays.values()),
        "training_state": training is not None,
    }
    return found | {name: value for name, value in about.items() if name not in found}


def _text(value: Any) -> str:
    """A value for people; in JSON's letters, which no terminal mistakes for orders."""
    if not isinstance(value, dict):
        return json.dumps(value)
    indent = "\n" + " " * 15
    return indent.join(
        f"{json.dumps(n)[1:-1]} = {as_json(v)}" for n, v in value.items()
    )
