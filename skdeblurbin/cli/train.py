"""``skdeblurbin train``: pairs of images in, a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

from skdeblurbin.cli._arguments import (
    CommandError,
    ExitCode,
    add_device,
    add_json,
    add_pairs,
    check_folder,
    check_output,
    count,
    seed,
    setting,
    shape,
)
from skdeblurbin.cli._models import find_model

HELP = "pairs of images in, a model out"
DESCRIPTION = (
    "Trains a GANBinarizer on pairs of a blurred photo and its binary image, all of "
    "them held in memory, and tells what an epoch takes before it begins. A training "
    "that was stopped or killed goes on when the same command is given again. Ctrl-C "
    "ends it with what was learnt in MODEL, from the first step on; a second Ctrl-C "
    "gives up at once."
)
EXAMPLES = [
    "skdeblurbin train blurred binary -o plates.safetensors --epochs 200",
    "skdeblurbin train blurred binary -o ours.safetensors --from plate --epochs 20 "
    "--set learning_rate=0.001",
]
#: Parameters that the command itself sets, by the option to use instead of --set.
_OF_COMMAND = {
    "checkpoint_dir": "--checkpoint-dir",
    "device": "--device",
    "warm_start": "--from",
    "verbose": "nothing: progress is shown anyway",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of this subcommand."""
    add_pairs(parser)
    _add_output(parser)
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="MODEL",
        help="train this model on, plate, characters or a file, instead of a new one",
    )
    _add_settings(parser)
    parser.add_argument(
        "--set",
        dest="settings",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any parameter of GANBinarizer, again and again; VALUE is JSON, or else "
        "text: n_blocks=8, average_decay=null, optimizer=adam",
    )
    add_device(parser)
    add_json(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add where the model and its training are kept."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="MODEL",
        required=True,
        help="file of the model, mostly with the suffix .safetensors",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a MODEL that is there; without it only what the same training "
        "left there is replaced",
    )
    parser.add_argument(
        "--checkpoint-dir",
        metavar="FOLDER",
        help="where the state of the training is kept each minute, for going on; "
        "default: MODEL.checkpoints, which is deleted once MODEL is finished. A folder "
        "that you name stays",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the parameters of the estimator."""
    parser.add_argument(
        "--epochs",
        type=count,
        metavar="N",
        help="passes over the pairs; default: 100",
    )
    parser.add_argument(
        "--batch-size",
        type=count,
        metavar="N",
        help="pairs for each step; default: 4, or that of --from",
    )
    parser.add_argument(
        "--working-shape",
        type=shape,
        metavar="HxW",
        help="resize all images to this for the network: for photos of many sizes; "
        "default: as they are, or that of --from",
    )
    parser.add_argument(
        "--validation-fraction",
        type=float,
        metavar="SHARE",
        help="share of the pairs set aside to find the best epoch; default: none",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        metavar="N",
        help="of weights, order and augmentation; default: 0. A model of --from has "
        "its own",
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Check what can be checked at once, then train."""
    for folder in (arguments.blurred, arguments.binary):
        check_folder(folder)
    output = Path(arguments.output)
    if arguments.origin is not None:
        with find_model(arguments.origin):  # a wrong name is told before all else
            pass
        if arguments.seed is not None:
            raise CommandError("--seed has no effect with --from, whose seed it has.")
    for name, _ in arguments.settings:
        if name in _OF_COMMAND:
            raise CommandError(f"--set {name}: use {_OF_COMMAND[name]}.")
    checkpoints = Path(arguments.checkpoint_dir or f"{output}.checkpoints")
    is_begun = any(checkpoints.glob("*.checkpoint"))
    check_output(output, may_replace=arguments.overwrite or is_begun)
    from skdeblurbin.cli._training import train

    must_resume = output.exists() and not arguments.overwrite
    return train(arguments, output, checkpoints, must_resume=must_resume)
