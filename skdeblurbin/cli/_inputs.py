"""Which files a command reads, and which it writes: decided before anything is done."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from skdeblurbin.cli._arguments import CommandError, some


class Task(NamedTuple):
    """A file to read, and the file to write; as text, of which many fit in memory."""

    source: str
    target: str


def plan_tasks(
    inputs: Sequence[str],
    out: str,
    *,
    suffix: str,
    pattern: str,
    image_suffixes: Sequence[str],
) -> list[Task]:
    """Map every image of the inputs to its own output.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, and patterns of these.
    out : str
        A folder; or a file, if the only input is one and `out` has a suffix of images.
    suffix : str
        Of the outputs, with its dot.
    pattern : str
        What the names of files in folders must match.
    image_suffixes : sequence of str
        Of the files that are looked for in folders.

    Raises
    ------
    CommandError
        If an input is not there, if there are no images, or if two of the files would
        be one.
    """
    paths = [path for word in inputs for path in _expand(word)]
    if Path(out).suffix.lower() in image_suffixes and not os.path.isdir(out):
        return _checked([Task(str(_only_file(paths, out)), out)])
    tasks = []
    for path in paths:
        if path.is_file():
            tasks.append(_task(path, Path(path.name), out, suffix))
            continue
        if os.path.realpath(path) == os.path.realpath(out):
            raise CommandError(
                f"the output folder {out!r} is an input too, where results would lie "
                "among photos: name another."
            )
        for file in _images_below(path, out, pattern, image_suffixes):
            tasks.append(_task(file, file.relative_to(path), out, suffix))
    if not tasks:
        raise CommandError(
            f"there are no images in {some(inputs)}: files are taken whose names match "
            f"{pattern!r} and end in {', '.join(image_suffixes)}."
        )
    return _checked(tasks)


def existing(tasks: Sequence[Task]) -> list[str]:
    """The outputs that are there already."""
    return [task.target for task in tasks if os.path.lexists(task.target)]


def _expand(word: str) -> list[Path]:
    """A file or folder; or what a pattern stands for, as in a shell."""
    if os.path.isfile(word) or os.path.isdir(word):
        return [Path(word)]
    found = sorted(glob.glob(word, recursive=True)) if glob.has_magic(word) else []
    if not found:
        raise CommandError(f"there is no file or folder {word!r}.")
    return [Path(path) for path in found]


def _only_file(paths: Sequence[Path], out: str) -> Path:
    if len(paths) != 1 or not paths[0].is_file():
        raise CommandError(
            f"the output {out!r} is an image file, for which the input must be one "
            f"image file too; got {some(paths)}."
        )
    return paths[0]


def _task(file: Path, relative: Path, out: str, suffix: str) -> Task:
    return Task(str(file), str(out / relative.with_suffix(suffix)))


def _images_below(
    folder: Path, out: str, pattern: str, image_suffixes: Sequence[str]
) -> Iterator[Path]:
    """The images in a folder and its folders, in the order of their names.

    Hidden ones are left out, and so is what lies in the output folder. Links to files
    are followed, links to folders are not: so there is no going round in circles.
    """
    inside = os.path.realpath(out)
    for here, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and os.path.realpath(os.path.join(here, name)) != inside
        )
        for name in sorted(files):
            path = Path(here, name)
            if (
                not name.startswith(".")
                and path.suffix.lower() in image_suffixes
                and fnmatch.fnmatch(name, pattern)
                and path.is_file()
            ):
                yield path


def _raise(error: OSError) -> None:
    raise CommandError(f"{error.filename!r} cannot be listed: {error.strerror}.")


def _checked(tasks: Sequence[Task]) -> list[Task]:
    """Tasks without repetitions, none of which touches the files of another."""
    sources = {os.path.realpath(task.source): task.source for task in tasks}
    by_target: dict[str, Task] = {}
    for task in tasks:
        target = os.path.realpath(task.target)
        if target in sources:
            raise CommandError(
                f"{task.source!r} would be written to {task.target!r}, which is the "
                f"input {sources[target]!r}: name another output."
            )
        if os.path.isdir(target):
            raise CommandError(f"the output {task.target!r} is a folder.")
        other = by_target.setdefault(target, task)
        if os.path.realpath(other.source) != os.path.realpath(task.source):
            raise CommandError(
                f"{other.source!r} and {task.source!r} would both be written to "
                f"{task.target!r}: rename one, or do them one after the other with "
                "--glob and another output folder."
            )
    return list(by_target.values())
