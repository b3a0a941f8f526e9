"""The parser of the command line."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable

import skdeblurbin
from skdeblurbin.cli import binarize, draw, evaluate, export, info, train
from skdeblurbin.cli._arguments import EXIT_CODES

#: The subcommands, each a module of its name.
COMMANDS = {
    "binarize": binarize,
    "train": train,
    "evaluate": evaluate,
    "draw": draw,
    "export": export,
    "info": info,
}


def make_parser() -> argparse.ArgumentParser:
    """Make the parser, whose result has `run`, the function of the subcommand."""
    parser = argparse.ArgumentParser(
        "skdeblurbin",
        description="Blurred licence plates to clean black-and-white ones. What comes "
        "out is a guess, and no evidence.",
        epilog=_epilog(["skdeblurbin binarize photos -o binary"]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"skdeblurbin {skdeblurbin.__version__}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(
            name,
            help=command.HELP,
            description=textwrap.fill(command.DESCRIPTION, 79),
            epilog=_epilog(command.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(added)
        added.add_argument(
            "--debug", action="store_true", help="show the traceback of an error"
        )
        added.set_defaults(run=command.run)
    return parser


def _epilog(examples: Iterable[str]) -> str:
    shown = "\n".join(f"  {example}" for example in examples)
    codes = "\n".join(f"  {code:<4} {text}" for code, text in EXIT_CODES.items())
    return f"examples:\n{shown}\n\nexit codes:\n{codes}"
