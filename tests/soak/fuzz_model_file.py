"""Fuzz the reader of model files.

    pip install atheris
    python tests/soak/fuzz_model_file.py [CORPUS] [libFuzzer's options]

For example `python tests/soak/fuzz_model_file.py runs/corpus -max_total_time=3600`. Any
outcome other than a model or a ModelFileError is printed as a crash, and the file that
led to it kept. Checksums are taken as right, since a fuzzer would never make one.
`tests/test_attacks.py` replays the files in `tests/models/corpus`: add to them what was
found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["skdeblurbin.persistence"]):
    from skdeblurbin import GANBinarizer, ModelFileError, persistence

SEEDS = Path(__file__).parents[1] / "models" / "format_1"
PATH = Path(tempfile.mkdtemp()) / "model.safetensors"


class Right:
    """The checksum that any file has."""

    def __ne__(self, other: object) -> bool:
        return False


persistence.checksum = lambda *_: Right()


def read(data: bytes) -> None:
    PATH.write_bytes(data)
    try:
        GANBinarizer.load(PATH)
    except ModelFileError:
        return


if __name__ == "__main__":
    atheris.Setup([*sys.argv, str(SEEDS)], read)
    atheris.Fuzz()
