"""``skdeblurbin draw``: pairs of drawn plates in two folders."""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from skdeblurbin._progress import Progress
from skdeblurbin.cli._arguments import (
    CommandError,
    ExitCode,
    count,
    seed,
    shape,
)

HELP = "draws pairs of blurred plates and their binary images"
DESCRIPTION = (
    "Draws licence plates: photos into FOLDER/blurred, their exact binary images into "
    "FOLDER/binary, and what is on them into FOLDER/texts.csv. A pair depends on its "
    "number, the seed and the other options alone, not on how many are drawn; one is "
    "in memory at a time."
)
EXAMPLES = [
    "skdeblurbin draw 500 -o drawn",
    "skdeblurbin draw 500 -o drawn --effects all --severity 0.6 --seed 1",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    parser.add_argument("number", type=count, metavar="N", help="how many pairs")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        help="made if it is not there; without texts.csv, and with no files in "
        "blurred and binary",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="another seed, other plates; default: 0"
    )
    _add_looks(parser)


def _add_looks(parser: argparse.ArgumentParser) -> None:
    """Add what the plates and photos look like."""
    parser.add_argument(
        "--layout",
        choices=["plate", "characters"],
        default="plate",
        help="whole plates with border and surroundings (plate, the default), or their "
        "characters alone",
    )
    parser.add_argument(
        "--shape",
        type=shape,
        metavar="HxW",
        help="height and width in pixels; default: 128x192, or 128x128 for characters",
    )
    parser.add_argument(
        "--severity",
        type=float,
        default=0.5,
        help="from 0, sharp, to 1, hard to read; default: 0.5",
    )
    parser.add_argument(
        "--light-on-dark",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="share of plates with light characters, from 0 to 1; default: 0.25",
    )
    parser.add_argument(
        "--effects",
        default="",
        metavar="NAMES",
        help="all, or some of lettering, surface, view, light, camera, motion, with "
        "commas between; default: none",
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Draw, and write each pair before the next."""
    folder = Path(arguments.output)
    for name in ("blurred", "binary"):
        if (folder / name).exists() and any((folder / name).iterdir()):
            raise CommandError(
                f"{str(folder / name)!r} is not empty: name another folder, so that "
                "pairs of two drawings do not mix."
            )
    texts_file = folder / "texts.csv"
    if os.path.lexists(texts_file):
        raise CommandError(
            f"{str(texts_file)!r} is there already: name another folder, or move it."
        )
    from skdeblurbin.datasets.plates import draw_one_by_one

    effects = arguments.effects
    if effects != "all":
        effects = [name.strip() for name in effects.split(",") if name.strip()]
    try:
        plates = draw_one_by_one(
            arguments.shape,
            arguments.layout,
            severity=arguments.severity,
            light_on_dark=arguments.light_on_dark,
            effects=effects,
            random_state=arguments.seed,
        )
    except ValueError as error:
        raise CommandError(str(error)) from error
    texts: list[tuple[str, str]] = []
    try:
        with Progress(arguments.number, "plates") as progress:
            for photo, truth, text in islice(plates, arguments.number):
                name = f"{len(texts):06}.png"
                _write_pair(folder, name, photo, truth == 1)
                texts.append((name, text))
                progress.advance()
    finally:  # of what there is, if it was interrupted
        _write_texts(texts_file, texts)
    return ExitCode.DONE


def _write_pair(folder: Path, name: str, photo: Any, paper: Any) -> None:
    """Write both files of a pair, or none."""
    from skdeblurbin.cli._images import write_image

    files = {folder / "blurred" / name: photo, folder / "binary" / name: paper}
    try:
        for path, image in files.items():
            write_image(path, image)
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        raise


def _write_texts(path: Path, texts: Sequence[tuple[str, str]]) -> None:
    from skdeblurbin._files import write_atomically

    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("file", "text"), *texts])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, table.getvalue().encode())
