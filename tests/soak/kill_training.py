"""Kill trainings at random moments, and compare what comes out with a quiet one.

    python tests/soak/kill_training.py [--kills 100] [--seed 0] [--every 0]

Each training runs in a process of its own, which a SIGKILL ends at a random moment, and
the next one goes on from its checkpoint, until one comes to the end; then the next
training begins. With --every 0 a checkpoint follows each step, so that some kills fall
into the writing of one: those that leave an unfinished file are counted. The last bits
of networks, optimizers, averaged weights and history must be those of a training that
was never killed. The exit status is 1 if one differs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
from sklearn.base import clone

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

# Forked from a process that has everything imported, and no thread running.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["skdeblurbin._gan", "skdeblurbin.datasets"])
#: Seconds of training after which a kill comes at the latest; a whole one takes more.
_LONGEST = 0.7


def train(
    directory: Path | None,
    seed: int,
    every: float,
    started: Callable[[], object] = bool,
) -> str:
    """Train a small model; a hash of all that it learnt.

    `started` is called when the training begins: what is imported and set up once, in
    a first fit, is no part of it, and a kill in there would be none.
    """
    X, Y = make_blurred_plates(40, (24, 36), "plate", random_state=0)
    model = GANBinarizer(
        n_blocks=1,
        growth_rate=4,
        base_channels=16,
        discriminator_channels=4,
        max_epochs=6,
        validation_fraction=0.2,
        learning_rate_decay="cosine",
        n_threads=1,
        device="cpu",
        random_state=seed,
        checkpoint_dir=directory,
        checkpoint_every=every,
    )
    clone(model).set_params(checkpoint_dir=None, max_epochs=1).fit(X, Y)
    started()
    model.fit(X, Y)
    state = model.__getstate__()
    history = [{n: v for n, v in e.items() if n != "seconds"} for e in model.history_]
    return str(joblib.hash([state["generator_"], state["_training_state"], history]))


class Counts:
    """What happened until now."""

    def __init__(self) -> None:
        self.kills = self.in_writing = self.trainings = self.different = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.in_writing} of them in the writing of a "
            f"checkpoint; {self.trainings} trainings ended, {self.different} of them "
            "differ from the one that was not killed"
        )


def child(pipe: Connection, directory: Path, seed: int, every: float) -> None:
    """A training in a process of its own: tells its beginning and its hash."""
    pipe.send(train(directory, seed, every, started=lambda: pipe.send(None)))


def kill_until_done(
    directory: Path, seed: int, every: float, moments: random.Random, counts: Counts
) -> str:
    """Run one training to its end through kills; its hash."""
    while True:
        here, there = _PROCESSES.Pipe()
        process = _PROCESSES.Process(target=child, args=(there, directory, seed, every))
        process.start()
        there.close()
        here.recv()  # it has begun
        process.join(moments.uniform(0, _LONGEST))
        process.kill()
        process.join()
        if process.exitcode == 0:
            answer: str = here.recv()
            return answer
        if process.exitcode != -signal.SIGKILL:
            raise RuntimeError(f"The training failed: status {process.exitcode}.")
        counts.kills += 1
        counts.in_writing += bool(list(directory.glob("*.unfinished")))


def soak(kills: int, seed: int, every: float) -> Counts:
    """Kill at least so many times, and compare."""
    moments, counts = random.Random(seed), Counts()
    start = time.monotonic()
    while counts.kills < kills:
        expected = train(None, counts.trainings, every)
        with TemporaryDirectory() as directory:
            folder = Path(directory)
            found = kill_until_done(folder, counts.trainings, every, moments, counts)
            left = list(folder.glob("*.unfinished"))
        counts.trainings += 1
        counts.different += found != expected or bool(left)
        seconds = time.monotonic() - start
        todo = seconds * max(0, kills - counts.kills) / max(1, counts.kills)
        print(f"{counts}; about {todo:.0f} s left", flush=True)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="at least so many")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--every", type=float, default=0, help="checkpoint_every")
    arguments = parser.parse_args()
    counts = soak(arguments.kills, arguments.seed, arguments.every)
    print(counts)
    return int(counts.different > 0)


if __name__ == "__main__":
    sys.exit(main())
