"""OCR engines as readers: from images of one line of text to what stands there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skdeblurbin._parameters import check_number

#: What plates hold that engines know.
PLATE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

GreyImage = NDArray[np.uint8]

_RAPIDOCR_HEIGHT = 48
_RAPIDOCR_MIN_WIDTH = 160
_IMAGES_A_RUN = 16  # through RapidOCR's network together
_IMAGES_A_PROCESS = 50


class LineReader(ABC):
    """A reader of images of one line of text; a subclass implements `_read_all`."""

    def __call__(self, images: Iterable[GreyImage]) -> list[str]:
        """Read images.

        Parameters
        ----------
        images : iterable of uint8 ndarray of shape (height, width)
            Grey, 0 is black.

        Returns
        -------
        list of str

        Raises
        ------
        ValueError, TypeError
            If something is no grey image of bytes.
        RuntimeError
            If the engine fails.
        """
        return self._read_all(check_grey(images))

    @abstractmethod
    def _read_all(self, images: Sequence[GreyImage]) -> list[str]:
        """Read images that have been checked."""


class RapidOCRReader(LineReader):
    """Read lines of text with the recogniser of RapidOCR, a network of PP-OCRv4.

    Its detector of text is not used: each image is to hold one line, which fills it but
    for a small margin. Needs ``pip install "skdeblurbin[ocr]"``; nothing is downloaded.

    Parameters
    ----------
    alphabet : str, default=PLATE_ALPHABET
        The characters that may be read; all of them known to the network.
    n_threads : int, default=1
        Threads of its runtime.

    Raises
    ------
    ImportError
        If the package rapidocr-onnxruntime is not installed.
    ValueError, TypeError
        If a character of the alphabet is unknown to the network, or `n_threads` is no
        positive int.

    See Also
    --------
    TesseractReader : Another engine.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image, ImageDraw, ImageFont
    >>> from skdeblurbin.metrics import RapidOCRReader
    >>> plate = Image.new("L", (200, 64), 255)
    >>> ImageDraw.Draw(plate).text((15, 8), "AB 123", 0, ImageFont.load_default(48))
    >>> RapidOCRReader()([np.asarray(plate)])  # doctest: +SKIP
    ['AB123']
    """

    def __init__(self, alphabet: str = PLATE_ALPHABET, n_threads: int = 1) -> None:
        check_number(n_threads, "n_threads", low=1, integer=True)
        self.alphabet = alphabet
        self.n_threads = n_threads
        self._open()

    def _read_all(self, images: Sequence[GreyImage]) -> list[str]:
        lines = [self._scaled(image) for image in images]
        texts = [""] * len(lines)
        order = sorted(range(len(lines)), key=lambda i: lines[i].shape[1])
        for start in range(0, len(order), _IMAGES_A_RUN):
            chosen = order[start : start + _IMAGES_A_RUN]
            read = self._read([lines[i] for i in chosen])
            for i, text in zip(chosen, read, strict=True):
                texts[i] = text
        return texts

    def __getstate__(self) -> dict[str, Any]:
        return {"alphabet": self.alphabet, "n_threads": self.n_threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        # The package's own module would import OpenCV, which is not needed here.
        package = importlib.util.find_spec("rapidocr_onnxruntime")
        if package is None or not package.submodule_search_locations:
            raise ImportError(
                "RapidOCRReader needs the package rapidocr-onnxruntime: "
                'pip install "skdeblurbin[ocr]".'
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.n_threads
        options.log_severity_level = 4
        folder = Path(package.submodule_search_locations[0]) / "models"
        path = next(folder.glob("*rec*.onnx"))
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        about = self._session.get_modelmeta().custom_metadata_map
        # The first is the blank of connectionist temporal classification.
        self._characters = ["", *about["character"].splitlines(), " "]
        unknown = sorted(set(self.alphabet) - set(self._characters))
        if unknown:
            raise ValueError(
                f"alphabet has characters that RapidOCR does not know: {unknown}."
            )
        allowed = {"", *self.alphabet}
        self._allowed = np.array([c in allowed for c in self._characters])

    def _scaled(self, image: GreyImage) -> NDArray[np.float32]:
        width = max(16, round(_RAPIDOCR_HEIGHT * image.shape[1] / image.shape[0]))
        resized = Image.fromarray(image).resize(
            (width, _RAPIDOCR_HEIGHT), Image.Resampling.BILINEAR
        )
        return np.asarray(resized, np.float32) / np.float32(127.5) - 1

    def _read(self, lines: Sequence[NDArray[np.float32]]) -> Iterable[str]:
        width = max(_RAPIDOCR_MIN_WIDTH, *(line.shape[1] for line in lines))
        batch = np.zeros((len(lines), 3, _RAPIDOCR_HEIGHT, width), np.float32)
        for i, line in enumerate(lines):
            batch[i, :, :, : line.shape[1]] = line
        name = self._session.get_inputs()[0].name
        shares = self._session.run(None, {name: batch})[0]
        shares = np.where(self._allowed[: shares.shape[2]], shares, 0)
        for best in shares.argmax(axis=2):
            # Repeats are one character, unless there is a blank between.
            kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
            yield "".join(self._characters[k] for k in kept)


class TesseractReader(LineReader):
    """Read lines of text with the program Tesseract.

    Each image is to hold one line of text (``--psm 7``). The program must be installed,
    for example with ``apt-get install tesseract-ocr``; it gets fifty images at a time.

    Parameters
    ----------
    alphabet : str, default=PLATE_ALPHABET
        The characters that may be read.
    command : str, default="tesseract"
        The program, a name or a path.
    n_jobs : int, default=1
        How many of it run at once.

    Raises
    ------
    FileNotFoundError
        If there is no such program.
    ValueError, TypeError
        If `n_jobs` is no positive int.

    See Also
    --------
    RapidOCRReader : Another engine.

    Examples
    --------
    >>> from skdeblurbin.metrics import TesseractReader, make_reading_scorer
    >>> scorer = make_reading_scorer(TesseractReader())  # doctest: +SKIP
    """

    def __init__(
        self,
        alphabet: str = PLATE_ALPHABET,
        command: str = "tesseract",
        n_jobs: int = 1,
    ) -> None:
        check_number(n_jobs, "n_jobs", low=1, integer=True)
        if shutil.which(command) is None:
            raise FileNotFoundError(
                f"There is no program {command!r}: install Tesseract, for example with "
                "apt-get install tesseract-ocr."
            )
        self.alphabet = alphabet
        self.command = command
        self.n_jobs = n_jobs

    def _read_all(self, images: Sequence[GreyImage]) -> list[str]:
        starts = range(0, len(images), _IMAGES_A_PROCESS)
        batches = [images[start : start + _IMAGES_A_PROCESS] for start in starts]
        with ThreadPoolExecutor(self.n_jobs) as pool:  # each waits for its process
            return [text for texts in pool.map(self._read, batches) for text in texts]

    def _read(self, lines: Sequence[GreyImage]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{folder}/{i:03}.png" for i in range(len(lines))]
            for name, line in zip(names, lines, strict=True):
                Image.fromarray(line).save(name, compress_level=1)
            listed = Path(folder, "list.txt")
            listed.write_text("\n".join(names) + "\n")
            command = [self.command, str(listed), "stdout", "--psm", "7", "--oem", "1"]
            command += ["--dpi", "150", "-c", "page_separator=\f"]
            command += ["-c", f"tessedit_char_whitelist={self.alphabet}"]
            # Many threads for one line of text wait for each other.
            found = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        texts = [text.strip() for text in found.stdout.split("\f")[: len(lines)]]
        if found.returncode or len(texts) < len(lines):
            raise RuntimeError(
                f"{self.command} failed (exit status {found.returncode}): "
                f"{found.stderr.strip()[-300:]}"
            )
        return texts


def check_grey(images: Iterable[Any]) -> list[GreyImage]:
    """Check that images are what engines take.

    Raises
    ------
    TypeError
        If one is no array of bytes.
    ValueError
        If one is not two-dimensional, or empty.
    """
    found = []
    for i, image in enumerate(images):
        dtype = getattr(image, "dtype", type(image).__name__)
        if dtype != np.uint8:
            raise TypeError(f"images[{i}] must be a uint8 array, got {dtype}.")
        if image.ndim != 2 or not image.size:
            raise ValueError(
                f"images[{i}] must have the shape (height, width), got {image.shape}."
            )
        found.append(np.ascontiguousarray(image))
    return found
