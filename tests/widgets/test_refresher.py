"""The refresher: newest wins, rests are kept, no thread is left."""

import threading
import time

import pytest

from seestack.widgets.refresher import NAME, Refresher

pytestmark = pytest.mark.usefixtures("no_session_thread_is_left")


@pytest.fixture
def errors():
    return []


@pytest.fixture
def refresher(errors):
    made = Refresher(on_error=errors.append)
    yield made
    made.close()


def alive():
    return sum(thread.name == NAME for thread in threading.enumerate())


def test_of_equal_name_the_newest_wins(refresher):
    done, go = [], threading.Event()
    refresher.ask("first", lambda: go.wait(5))
    for n in range(50):
        refresher.ask("picture", lambda n=n: done.append(n))
    assert alive() == 1
    go.set()
    assert refresher.wait(5)
    assert done == [49]
    assert alive() == 0


def test_the_thread_comes_back_when_there_is_more_to_do(refresher):
    done = []
    for n in range(3):
        refresher.ask("picture", lambda n=n: done.append(n))
        assert refresher.wait(5)
    assert done == [0, 1, 2]


def test_an_error_is_told_and_the_next_job_is_done(refresher, errors):
    done = []
    refresher.ask("bad", lambda: 1 / 0)
    refresher.ask("good", lambda: done.append(1))
    assert refresher.wait(5)
    assert done == [1]
    assert isinstance(errors[0], ZeroDivisionError)


def test_a_group_rests_for_a_multiple_of_its_time_unless_it_is_urgent(refresher):
    times = []

    def work():
        times.append(time.monotonic())
        time.sleep(0.05)

    refresher.ask("slow", work, rest=6.0, group="slow")
    time.sleep(0.02)
    refresher.ask("other", work, rest=6.0, group="slow")
    assert refresher.wait(5)
    assert 0.3 < times[1] - times[0] < 1.5
    refresher.ask("slow", work, group="slow")
    assert refresher.wait(5)
    assert times[2] - times[1] < 0.3


def test_close_drops_what_waits_and_returns_when_what_runs_is_done(refresher):
    done, began = [], threading.Event()

    def work():
        began.set()
        time.sleep(0.1)
        done.append("work")

    refresher.ask("work", work)
    assert began.wait(5)
    refresher.ask("later", lambda: done.append("later"))
    refresher.close()
    refresher.ask("after", lambda: done.append("after"))
    assert done == ["work"]
    assert alive() == 0


def test_what_is_urgent_does_not_wait_for_the_pause_after_the_job_that_runs():
    begun, go_on, done = threading.Event(), threading.Event(), []
    refresher = Refresher(on_error=done.append)

    def slow():
        begun.set()
        go_on.wait(5.0)
        time.sleep(0.05)

    refresher.ask("tab", slow, rest=200.0)
    assert begun.wait(5.0)
    refresher.ask("tab", lambda: done.append("last"))
    go_on.set()
    assert refresher.wait(3.0)
    assert done == ["last"]
