"""Sessions that a fit leaves for its callbacks, and what Ctrl-C does to them."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
import torch

from skdeblurbin import _tensors
from skdeblurbin._tensors import Interruptible, one_fit_at_a_time


def another_thread_may_fit():
    def try_lock():
        if _tensors._FIT_LOCK.acquire(blocking=False):
            _tensors._FIT_LOCK.release()
            found.append(True)

    found = []
    thread = threading.Thread(target=try_lock)
    thread.start()
    thread.join()
    return bool(found)


class Managers:
    """Two that note what is done with them; the second may raise when entered.

    `errors` holds, for each time that the second is entered, an error or None.
    """

    def __init__(self, *errors):
        self.log = []
        self.errors = list(errors)

    @contextmanager
    def first(self):
        self.log.append("+1")
        try:
            yield
        finally:
            self.log.append("-1")

    @contextmanager
    def second(self):
        error = self.errors.pop(0)
        if error is not None:
            raise error
        self.log.append("+2")
        try:
            yield
        finally:
            self.log.append("-2")

    def session(self):
        return Interruptible(self.first, self.second)


def test_a_session_is_left_and_entered_again():
    managers = Managers(None, None)
    with managers.session() as session:
        with session.left():
            managers.log.append("outside")
        managers.log.append("inside")
    expected = "+1 +2 -2 -1 outside +1 +2 inside -2 -1"
    assert " ".join(managers.log) == expected


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_on_entry_lets_go_of_what_was_entered(error):
    session = Interruptible(one_fit_at_a_time, Managers(error()).second)
    with torch.inference_mode():
        with pytest.raises(error):
            session.__enter__()
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
    # Asked while `session` is alive: a garbage collector would let go as well.
    assert another_thread_may_fit()
    with one_fit_at_a_time():
        assert not another_thread_may_fit()  # the question has two answers


def test_what_fails_on_the_way_back_lets_go_too():
    managers = Managers(None, ValueError("no way back"))
    with (
        pytest.raises(ValueError, match="no way back"),
        managers.session() as session,
        session.left(),
    ):
        pass
    assert " ".join(managers.log) == "+1 +2 -2 -1 +1 -1"


def test_ctrl_c_on_the_way_back_is_passed_on_inside():
    interrupt = KeyboardInterrupt()
    managers = Managers(None, interrupt, None)
    with managers.session() as session:
        with pytest.raises(KeyboardInterrupt) as caught, session.left():
            pass
        managers.log.append("inside")
    assert caught.value is interrupt
    expected = "+1 +2 -2 -1 +1 -1 +1 +2 inside -2 -1"
    assert " ".join(managers.log) == expected


def test_ctrl_c_twice_on_the_way_back_is_an_error():
    managers = Managers(None, KeyboardInterrupt(), KeyboardInterrupt())
    with (
        pytest.raises(BaseException, match="Interrupted twice") as caught,
        managers.session() as session,
        session.left(),
    ):
        pass
    # No KeyboardInterrupt: who catches that takes it that the session goes on.
    assert caught.type is RuntimeError
    assert " ".join(managers.log) == "+1 +2 -2 -1 +1 -1 +1 -1"
