"""Exit codes, and the words of a command line as values."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Any

#: How many names an error lists.
_N_NAMED = 10


class ExitCode(IntEnum):
    """What the program says to its caller at the end."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    UNUSABLE = 3
    INTERRUPTED = 130


#: As `--help` and the documentation tell them.
EXIT_CODES = {
    ExitCode.DONE: "all was done",
    ExitCode.SOME_FAILED: "binarize: some files failed, and are named; "
    "the rest was done",
    ExitCode.USAGE: "the command line is wrong or would overwrite something; "
    "nothing was done",
    ExitCode.UNUSABLE: "a model, pairs or the machine cannot be used so; the message "
    "says why",
    ExitCode.INTERRUPTED: "Ctrl-C; what was done until then is whole",
}


class CommandError(Exception):
    """An error in what the program was asked for, told without a traceback."""

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code


def some(items: Iterable[Any]) -> str:
    """The first items in quotes, and how many more there are."""
    names = [repr(str(item)) for item in items]
    more = f", and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more


def check_output(output: Path, *, may_replace: bool) -> None:
    """Refuse a file to write that is a folder, or is there and has to stay.

    Raises
    ------
    CommandError
        If it is so.
    """
    if output.is_dir():
        raise CommandError(f"the output {str(output)!r} is a folder.")
    if output.exists() and not may_replace:
        raise CommandError(
            f"the output {str(output)!r} is there already: give --overwrite, or "
            "another."
        )


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not re.fullmatch("[0-9]+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """A whole number that may seed a generator."""
    if not re.fullmatch("[0-9]+", text) or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no whole number from 0 to {2**32 - 1}"
        )
    return int(text)


def shape(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH in pixels."""
    if not re.fullmatch("[1-9][0-9]*x[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not HEIGHTxWIDTH in pixels, as 128x192 is"
        )
    height, width = text.split("x")
    return int(height), int(width)


def setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE; a value that is not JSON is text, and a list in it a tuple."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=VALUE, as n_blocks=4 is"
        )
    try:
        found = json.loads(value)
    except ValueError:
        return name, value
    return name, tuple(found) if isinstance(found, list) else found


def text_setting(text: str) -> tuple[str, str]:
    """NAME=VALUE, both of them texts."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=VALUE, as licence=MIT is"
        )
    return name, value


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where to compute."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:N or mps; auto (the default) takes a GPU where "
        "there is one",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a model."""
    parser.add_argument(
        "--model",
        default="plate",
        help="plate or characters, which are in the package, or a file that train "
        "wrote; default: plate",
    )


def add_output_scale(parser: argparse.ArgumentParser) -> None:
    """Add the option for the size of results."""
    parser.add_argument(
        "--output-scale",
        choices=["input", "model"],
        default="input",
        help="size of the results: that of each photo (input, the default), or the one "
        "that the model works in (model), for photos too small to be read",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for output that programs read."""
    parser.add_argument(
        "--json", action="store_true", help="print the result to stdout as JSON"
    )


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Add the two folders of pairs, and how their binary images are read."""
    parser.add_argument("blurred", metavar="BLURRED", help="folder of blurred photos")
    parser.add_argument(
        "binary",
        metavar="BINARY",
        help="folder of their binary images: equal names (the suffix may differ) and "
        "sizes, dark is ink",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="LEVEL",
        help="binary images with more than two grey levels, JPEG files say: paper is "
        "what lies above LEVEL, 128 for example",
    )


def check_folder(path: str) -> Path:
    """A folder that must be there."""
    folder = Path(path)
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise CommandError(f"{path!r} {what}.")
    return folder
