"""Live lines on terminals, lines now and then in logs, and records for `logging`."""

from __future__ import annotations

import importlib
import io
import logging
import os
import re
import struct
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skdeblurbin import _gan_engine, _progress
from skdeblurbin._progress import COUNT, LEFT, Progress, as_clock
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets import plates as plates_module
from skdeblurbin.training import reporting


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    # Not sys.stderr itself, which pytest sets anew before each test.
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(_progress, "_EVERY", 0.0)
    return stream


@pytest.fixture(params=["rich", "plain"])
def line(request, terminal, monkeypatch):
    if request.param == "plain":
        for name in ("rich", "rich.console", "rich.progress"):
            monkeypatch.setitem(sys.modules, name, None)
    return terminal


# Lines that rich's bars are of.
BAR = "\u2501\u2578\u257a"


def shown(stream):
    """The states of a live line, one after the other, without what steers it."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    return [
        " ".join(part.split()) for part in re.split(r"[\r\n]", text) if part.strip()
    ]


def test_a_live_line_counts_and_describes(line):
    with Progress(3, "plates") as progress:
        assert progress.is_live
        progress.advance()
        progress.describe("epoch 1", LEFT, "rmse 0.25", COUNT)
        progress.advance(2)
    first, *_, last = shown(line)
    assert re.search(r"1/3 plates left 0:0\d", first)
    assert last.endswith("epoch 1 left 0:00 rmse 0.25 3/3 plates")


def test_what_is_said_stays(line):
    with Progress(2, "plates") as progress:
        progress.advance()
        progress.say("epoch 1 [of 2]")
        progress.advance()
    assert "epoch 1 [of 2]" in shown(line)
    assert "epoch 1 [of 2]\n" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line.getvalue())


def test_the_line_is_gone_at_the_end_and_after_errors(line):
    def fail():
        with Progress(2, "plates") as progress:
            progress.advance()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    # The last thing written erases the line.
    assert re.search(r"\x1b\[2?K[^a-z]*$", line.getvalue())


def test_short_work_shows_nothing(line):
    with Progress(3, "plates", delay=60) as progress:
        progress.advance(3)
    assert line.getvalue() == ""


def test_looks_are_rare(line, monkeypatch):
    monkeypatch.setattr(_progress, "_EVERY", 60.0)
    with Progress(1000, "plates") as progress:
        for _ in range(1000):
            progress.advance()
    assert [text for text in shown(line) if "2/1000" in text] == []
    assert any("1/1000" in text for text in shown(line))


@pytest.mark.parametrize("columns", [8, 12, 20, 30, 40, 60])
def test_a_line_has_as_many_whole_items_as_there_is_place_for(
    line, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    items = ["epoch 1/2", "rmse 0.25", "loss 12.50"]
    with Progress(3, "plates") as progress:
        progress.describe(*items)
        progress.advance()
    texts = shown(line)
    assert all(len(text) <= columns for text in texts)
    found = {text.lstrip(BAR).strip() for text in texts} - {""}
    wholes = {" ".join(items[:n]) for n in range(4)}
    assert found <= wholes
    n_bar = max(map(len, re.findall(f"[{BAR}]+", line.getvalue())), default=0)
    room = columns - 1 - n_bar
    fit = [n for n in range(1, 4) if len("  ".join(items[:n])) <= room]
    assert found == ({" ".join(items[: fit[-1]])} if fit else set())


@pytest.mark.parametrize("term", ["dumb", None])
def test_nothing_is_live_in_files_and_on_dumb_terminals(term, terminal, monkeypatch):
    if term:
        monkeypatch.setenv("TERM", term)
    else:
        terminal = _progress.sys.stderr = io.StringIO()
    with Progress(3, "plates") as progress:
        assert not progress.is_live
        progress.advance(3)
        progress.say("done")
    assert terminal.getvalue() == "done\n"


def test_time_left_is_that_of_the_work_of_this_run(monkeypatch):
    now = iter([100.0, 110.0])
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: next(now))
    progress = Progress(100, "steps", wanted=False, n_done=80)
    assert progress.seconds_left() is None
    progress.move_to(90)
    assert progress.seconds_left() == 10  # ten steps in ten seconds, ten to go


def test_clock():
    times = {0: "0:00", 59.6: "1:00", 3599: "59:59", 3600: "1:00:00", 36061: "10:01:01"}
    assert {seconds: as_clock(seconds) for seconds in times} == times


# Trainings


def test_training_has_one_live_line(line, plates, tiny_gan):
    tiny_gan(max_epochs=3, validation_fraction=0.3, verbose=1).fit(*plates)
    lines = shown(line)
    assert any(
        re.search(
            r"epoch 2/3 left \d.* val\. RMSE 0\.\d{4} loss \d.* \d/3 steps content \d",
            text,
        )
        for text in lines
    )
    stays = [text for text in lines if text.startswith("[GANBinarizer] epoch")]
    assert len(stays) == 1  # the last
    assert stays[0].startswith("[GANBinarizer] epoch 3/3")


def test_logs_get_a_line_now_and_then(plates, tiny_gan, capsys, monkeypatch):
    now = iter([100.0, 104, 109, 111, 112])
    monkeypatch.setattr(reporting.time, "monotonic", lambda: next(now, 112.0))
    tiny_gan(max_epochs=6, verbose=1).fit(*plates)
    captured = capsys.readouterr()
    epochs = re.findall(r"epoch (\d)/6", captured.err)
    assert epochs == ["1", "4", "6"]  # at 100 s, at 111 s, and the last
    assert captured.out == ""


def test_a_line_for_each_epoch(plates, tiny_gan, capsys):
    tiny_gan(max_epochs=4, verbose=2).fit(*plates)
    assert re.findall(r"epoch (\d)/4", capsys.readouterr().err) == ["1", "2", "3", "4"]


def test_silent_unless_asked(plates, tiny_gan, capsys):
    tiny_gan(max_epochs=2).fit(*plates).predict(plates.X)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_prediction_of_much_shows_how_far_it_is(line, plates, tiny_gan, monkeypatch):
    model = tiny_gan().fit(*plates)
    model.set_params(verbose=1)
    model.predict(plates.X)
    assert shown(line) == []  # not within two seconds
    monkeypatch.setattr(_gan_engine, "PATIENCE", 0.0)
    expected = model.set_params(verbose=0).predict(plates.X)
    assert shown(line) == []
    np.testing.assert_array_equal(
        model.set_params(verbose=1).predict(plates.X), expected
    )
    assert any("6/6 images" in text for text in shown(line))


# logging


def test_epochs_are_logged_whatever_verbose_is(plates, tiny_gan, caplog):
    with caplog.at_level(logging.INFO, "skdeblurbin"):
        tiny_gan(max_epochs=2, validation_fraction=0.3).fit(*plates)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "2 epochs of 1 steps"
    assert messages[1].startswith("epoch 1/2  ")
    assert "validation_rmse" in messages[2]
    assert re.match("kept epoch [12], the best on validation pairs", messages[3])
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_a_program_without_logging_hears_nothing():
    script = (
        "import logging, skdeblurbin\n"
        "logging.getLogger('skdeblurbin').warning('not to be seen')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == done.stderr == ""


def on_terminal(script, columns, kind="rich"):
    """What a program writes to stderr, where that is a terminal, and stdout is none."""
    fcntl, pty, termios = map(importlib.import_module, ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    if kind == "plain":
        names = ("rich", "rich.console", "rich.progress")
        script = f"import sys\nsys.modules.update(dict.fromkeys({names}))\n{script}"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        received = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            received += part
    os.close(ours)
    assert process.returncode == 0
    stream = Terminal()
    stream.write(received.decode())
    return stream


unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="pseudo-terminals of Unix"
)


@unix_only
def test_on_a_real_terminal():
    script = (
        "import time\n"
        "from skdeblurbin._progress import Progress\n"
        "with Progress(3, 'plates') as progress:\n"
        "    for _ in range(3):\n"
        "        progress.advance(); time.sleep(0.15)\n"
        "    progress.say('a line')\n"
    )
    received = on_terminal(script, 100).getvalue()
    assert "3/3 plates" in received
    assert "a line" in received


FIT = """
from skdeblurbin import GANBinarizer, _progress
from skdeblurbin.datasets import make_blurred_plates
_progress._EVERY = 0.0
X, Y = make_blurred_plates(8, (24, 40), random_state=0)
GANBinarizer(
    n_blocks=1, growth_rate=2, base_channels=4, discriminator_channels=4, n_threads=1,
    max_epochs=12, validation_fraction=0.25, random_state=0, device="cpu", verbose=1,
).fit(X, Y)
"""


@unix_only
@pytest.mark.parametrize("kind", ["rich", "plain"])
@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (0, r"epoch 11/12 left .* val\. RMSE .* loss .* \d+/24 steps"),  # unknown
        (60, r"epoch 11/12 left 0:\d\d val\. RMSE 0\.\d{4} loss \d\d\.\d\d"),
        (80, r"epoch 11/12 left .* val\. RMSE .* loss .* \d+/24 steps"),
    ],
)
def test_a_training_on_an_ordinary_terminal(columns, wanted, kind):
    """Epoch, time left, validation and loss are there, and a bar is with rich."""
    lines = shown(on_terminal(FIT, columns, kind))
    columns = columns or 80
    lines = [text for text in lines if "GANBinarizer" not in text]
    assert all(len(text) <= columns for text in lines)
    bar = rf"[{BAR}]{{{columns // 8}}} " if kind == "rich" else ""
    assert any(re.fullmatch(bar + wanted, text) for text in lines), lines


def test_drawing_much_shows_how_far_it_is(line, monkeypatch):
    X, Y = make_blurred_plates(3, (16, 24), random_state=0, verbose=1)
    assert shown(line) == []
    monkeypatch.setattr(plates_module, "PATIENCE", 0.0)
    again = make_blurred_plates(3, (16, 24), random_state=0, verbose=True)
    assert any("3/3 plates" in text for text in shown(line))
    np.testing.assert_array_equal(again, (X, Y))
    with pytest.raises(TypeError, match="verbose must be an integer"):
        make_blurred_plates(3, verbose="yes")


def test_a_program_without_a_console(monkeypatch):
    for stream in (None, SimpleNamespace(write=print)):
        monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=None))
        assert _progress._live_line(stream) is None
    with Progress(3, "plates") as progress:
        progress.advance()
        progress.say("nobody hears this")


def test_no_second_live_line_within_another(terminal):
    console = pytest.importorskip("rich.console").Console(file=terminal)
    with pytest.importorskip("rich.live").Live("bars", console=console):
        proxy = _progress.sys.stderr = importlib.import_module(
            "rich.file_proxy"
        ).FileProxy(console, terminal)
        with Progress(3, "plates") as progress:
            assert not progress.is_live
            progress.advance()
            progress.say("a line above the bars")
        proxy.flush()
    assert "a line above the bars" in terminal.getvalue()


@pytest.mark.parametrize("method", ["predict", "score", "deblur"])
def test_an_error_on_the_way_leaves_no_threads_and_locks_behind(
    method, plates, tiny_gan, monkeypatch
):
    model = tiny_gan(n_threads=2).fit(*plates)
    before = torch.get_num_threads()
    real = _gan_engine.deblur_images

    def failing(*arguments, **options):
        for i, image in enumerate(real(*arguments, **options)):
            # Of another size: what puts the results together raises an error.
            yield image if i == 0 else image[1:]

    monkeypatch.setattr(_gan_engine, "deblur_images", failing)
    arguments = plates if method == "score" else (plates.X,)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (numpy's own words)
        getattr(model, method)(*arguments)
    assert caught.tb is not None  # and with it the generators
    assert torch.get_num_threads() == before
    monkeypatch.undo()
    done = []
    thread = threading.Thread(target=lambda: done.append(model.predict(plates.X)))
    thread.start()
    thread.join(timeout=60)
    assert len(done) == 1
