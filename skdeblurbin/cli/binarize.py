"""``skdeblurbin binarize``: photos in, black-and-white images out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from skdeblurbin._progress import Progress
from skdeblurbin.cli._arguments import (
    CommandError,
    ExitCode,
    add_device,
    add_json,
    add_model,
    add_output_scale,
    count,
    some,
)
from skdeblurbin.cli._inputs import Task, existing, plan_tasks
from skdeblurbin.cli._models import find_model
from skdeblurbin.cli._output import as_json, printable, tell

if TYPE_CHECKING:
    from skdeblurbin.cli._binarizing import Outcome

HELP = "photos in, black-and-white images out"
DESCRIPTION = (
    "Binarizes photos of blurred plates. Folders are searched with all that is in "
    "them, without hidden files and linked folders, and their tree is kept in OUT. An "
    "input is never overwritten, and an output is written whole or not at all. Two "
    "inputs that would get one output are an error before anything is done."
)
EXAMPLES = [
    "skdeblurbin binarize photo.jpg -o plate.png",
    "skdeblurbin binarize photos more/photo.tif -o binary --skip-existing --json",
]
#: The suffix of each format, and the format of each suffix, that is written.
FORMATS = {"png": ".png", "tiff": ".tif", "jpeg": ".jpg"}
SUFFIXES = {
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="image files (PNG, JPEG, TIFF, BMP, WebP; of several pages the first), "
        "folders, and patterns such as 'photos/*.jpg' where no shell expands them",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="folder of the results; for a single input file, an image file too",
    )
    add_model(parser)
    _add_results(parser)
    _add_choice_of_files(parser)
    parser.add_argument(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="processes, each with a share of the cores and a model of its own; "
        "default: 1, which uses all cores",
    )
    add_device(parser)
    add_json(parser)


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Add what decides what is written."""
    parser.add_argument(
        "--grey", action="store_true", help="write the deblurred grey image instead"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the results: png (the default; of 1 bit, of 8 bits with --grey), tiff "
        "likewise, or jpeg with --grey; OUT's suffix decides if it is a file",
    )
    add_output_scale(parser)


def _add_choice_of_files(parser: argparse.ArgumentParser) -> None:
    """Add what decides which files are read and written."""
    parser.add_argument(
        "--glob",
        default="*",
        metavar="PATTERN",
        help="take files in folders only if their names match, '*.jpg' for example",
    )
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave outputs that are there as they are: goes on where a run stopped",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace outputs that are there; they are an error without one of the two",
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Plan, binarize, report."""
    with find_model(arguments.model):  # a wrong name is told before all else
        pass
    from skdeblurbin.datasets._reading import IMAGE_SUFFIXES

    tasks = plan_tasks(
        arguments.inputs,
        arguments.output,
        suffix=_output_suffix(arguments, IMAGE_SUFFIXES),
        pattern=arguments.glob,
        image_suffixes=IMAGE_SUFFIXES,
    )
    _check_existing(tasks, arguments)
    from skdeblurbin.cli._binarizing import Setting, binarize_all, load_for
    from skdeblurbin.training.signals import Signals

    setting = Setting(
        model=arguments.model,
        device=arguments.device,
        grey=arguments.grey,
        output_scale=arguments.output_scale,
        skip_existing=arguments.skip_existing,
        overwrite=arguments.overwrite,
    )
    model = load_for(setting)
    report = _Report(arguments, len(tasks), str(model.device_))
    with Signals(heed_interruption=True, heed_termination=False) as signals, report:
        report.add_all(
            binarize_all(
                tasks, setting, model, arguments.jobs, lambda: signals.interrupted
            )
        )
    return report.exit_code()


def _output_suffix(
    arguments: argparse.Namespace, image_suffixes: Collection[str]
) -> str:
    """The suffix of the outputs, which names their format."""
    out, chosen = Path(arguments.output), arguments.format
    suffix = FORMATS[chosen or "png"]
    if out.suffix.lower() in image_suffixes and not out.is_dir():
        suffix = out.suffix.lower()
        if suffix not in SUFFIXES:
            raise CommandError(
                f"{suffix} files cannot be written: the output may end in "
                f"{', '.join(SUFFIXES)}, got {str(out)!r}."
            )
        if chosen not in (None, SUFFIXES[suffix]):
            raise CommandError(f"--format {chosen} and the output {str(out)!r} differ.")
    if SUFFIXES[suffix] == "jpeg" and not arguments.grey:
        raise CommandError(
            "JPEG files cannot hold black and white alone: write PNG or TIFF, or use "
            "--grey."
        )
    return suffix


def _check_existing(tasks: Sequence[Task], arguments: argparse.Namespace) -> None:
    if arguments.skip_existing and arguments.overwrite:
        raise CommandError("--skip-existing and --overwrite exclude each other.")
    found = existing(tasks)
    if found and not (arguments.skip_existing or arguments.overwrite):
        raise CommandError(
            f"{len(found)} of {len(tasks)} outputs are there already, {some(found)}: "
            "give --skip-existing or --overwrite."
        )


class _Report:
    """Tells what became of each file, and in the end of all; keeps numbers only."""

    def __init__(self, arguments: argparse.Namespace, total: int, device: str) -> None:
        self._is_json = arguments.json
        self._about = {"model": arguments.model, "device": device}
        self._total = total
        self._numbers = dict.fromkeys(("done", "skipped", "failed"), 0)
        self._progress = Progress(total, "images")
        self._start = time.perf_counter()

    def __enter__(self) -> Self:
        self._progress.__enter__()
        if self._is_json:
            print('{"files": [', end="")
        return self

    def add_all(self, outcomes: Iterable[Outcome]) -> None:
        """Tell of files, one after the other, as they are done."""
        for outcome in outcomes:
            if outcome.error is not None:
                failure = f"{outcome.input!r} failed: {outcome.error}"
                self._progress.say(printable(failure))
            if self._is_json:
                comma = "," if any(self._numbers.values()) else ""
                print(f"{comma}\n{as_json(outcome._asdict())}", end="", flush=True)
            self._numbers[outcome.status] += 1
            self._progress.advance()

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)
        seconds = round(time.perf_counter() - self._start, 3)
        left = self._total - sum(self._numbers.values())
        if self._is_json:
            summary = self._numbers | {"left": left, "seconds": seconds} | self._about
            print(f'\n], "summary": {as_json(summary)}}}')
        numbers = [f"{number} {name}" for name, number in self._numbers.items()]
        numbers += [f"{left} left"] if left else []
        tell(f"{', '.join(numbers)} in {seconds:.1f} s")

    def exit_code(self) -> ExitCode:
        """What to tell the caller of the program."""
        if sum(self._numbers.values()) < self._total:
            return ExitCode.INTERRUPTED
        return ExitCode.SOME_FAILED if self._numbers["failed"] else ExitCode.DONE
