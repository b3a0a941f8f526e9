"""The command `skdeblurbin`: what the library does, from a shell.

Each subcommand is a module with `HELP`, `EXAMPLES`, `add_arguments` and `run`. They
parse, call the library and report. Whatever needs torch or scikit-learn is imported
where it is used, so that ``--help`` and errors in the command line come at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from skdeblurbin.cli._arguments import CommandError, ExitCode
from skdeblurbin.cli._output import tell
from skdeblurbin.cli._parser import make_parser

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line program.

    Parameters
    ----------
    argv : sequence of str, default=None
        The words after the program's name. None takes those of the process.

    Returns
    -------
    int
        The exit code, see ``skdeblurbin --help``.

    Raises
    ------
    SystemExit
        By argparse: with 0 after ``--help`` and ``--version``, with 2 if a word is not
        understood.

    Examples
    --------
    >>> from skdeblurbin.cli import main
    >>> main(["info", "no-such-file"])
    2
    """
    arguments = make_parser().parse_args(argv)
    with _plain_warnings():
        try:
            return int(arguments.run(arguments))
        except KeyboardInterrupt:
            return _fail("interrupted", ExitCode.INTERRUPTED)
        except CommandError as error:
            return _fail(f"error: {error}", error.code)
        except BrokenPipeError:
            # Whoever read our output has gone; Python would complain once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(ExitCode.UNUSABLE)
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            # What the library raises on bad input, and torch on too little memory.
            if arguments.debug:
                raise
            return _fail(f"error: {error or type(error).__name__}", ExitCode.UNUSABLE)
        except ArithmeticError as error:  # a training that diverged
            return _fail(f"error: {error}", ExitCode.UNUSABLE)


def _fail(message: str, code: ExitCode) -> int:
    tell(f"skdeblurbin: {message}")
    return int(code)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings without the line of Python that they arose in."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        tell(f"skdeblurbin: warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
