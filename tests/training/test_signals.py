"""Signals are noted between steps, and do afterwards what they did before."""

import signal
import threading
from contextlib import suppress

import pytest

from skdeblurbin.training.signals import Signals


@pytest.fixture(autouse=True)
def same_handlers(ctrl_c_is_heard):
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


def test_the_first_is_noted_and_the_second_raised():
    with Signals(heed_interruption=True, heed_termination=False) as signals:
        assert not signals.interrupted
        signal.raise_signal(signal.SIGINT)
        assert signals.interrupted
        assert not signals.interrupted_twice
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signals.interrupted_twice
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_termination_is_noted_and_passed_on():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("caller's"))
    try:
        with Signals(heed_interruption=True, heed_termination=False) as signals:
            signal.raise_signal(signal.SIGTERM)
            assert heard == ["caller's"]
        with Signals(heed_interruption=True, heed_termination=True) as signals:
            signal.raise_signal(signal.SIGTERM)
            assert signals.terminated
            assert heard == ["caller's"]
            signals.pass_termination_on()
            assert heard == ["caller's"] * 2
            assert not signals.terminated
        assert heard == ["caller's"] * 2
    finally:
        signal.signal(signal.SIGTERM, before)


def end_well():
    pass


def fail():
    raise FloatingPointError


@pytest.mark.parametrize("end", [end_well, fail])
def test_termination_is_passed_on_at_the_end_at_the_latest(end):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("caller's"))
    try:
        with (
            suppress(FloatingPointError),
            Signals(heed_interruption=True, heed_termination=True),
        ):
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
            end()
        assert heard == ["caller's"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_callers_handler_of_ctrl_c_stays():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("caller's"))
    try:
        with Signals(heed_interruption=True, heed_termination=True) as signals:
            signal.raise_signal(signal.SIGINT)
        assert heard == ["caller's"]
        assert not signals.interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    found = []

    def run():
        with Signals(heed_interruption=True, heed_termination=True):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def test_what_is_not_heeded_is_as_ever():
    heed_nothing = Signals(heed_interruption=False, heed_termination=False)
    with heed_nothing, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
