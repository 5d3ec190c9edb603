"""The pool of daemon threads: no task waits for one that is busy while there could be another."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future, wait
from functools import partial

import pytest

from moderation_ai.threads import DaemonPool, run_in_thread

pytestmark = pytest.mark.anyio


def held(pool: DaemonPool, count: int) -> tuple[threading.Event, list[Future[bool]]]:
    """Keep ``count`` threads busy; return what frees them, and what they will have done."""
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def hold() -> bool:
        begun.release()
        return go_on.wait(30)

    futures = [pool.submit(hold) for _ in range(count)]
    for _ in range(count):
        assert begun.acquire(timeout=30)
    return go_on, futures


def test_a_result_comes_back() -> None:
    assert DaemonPool(2, "test").submit(lambda: 6 * 7).result(30) == 42


def test_an_error_comes_back_whatever_it_is() -> None:
    def leave() -> None:
        raise SystemExit(3)

    pool = DaemonPool(1, "test")
    with pytest.raises(SystemExit):
        pool.submit(leave).result(30)
    assert pool.submit(lambda: "still here").result(30) == "still here"


def test_as_many_tasks_run_at_once_as_the_pool_is_large() -> None:
    go_on, futures = held(DaemonPool(20, "test"), 20)
    go_on.set()
    assert all(future.result(30) for future in futures)


def test_no_task_waits_for_a_busy_thread_while_there_could_be_another() -> None:
    pool = DaemonPool(64, "test")
    for _ in range(50):
        # A thread that has just ended one task may look idle when the next two come.
        pool.submit(lambda: None).result(30)
        go_on, futures = held(pool, 2)
        assert pool.submit(lambda: "not kept waiting").result(30) == "not kept waiting"
        go_on.set()
        wait(futures, 30)


def test_what_is_too_much_waits_its_turn_and_runs() -> None:
    pool = DaemonPool(2, "test")
    go_on, futures = held(pool, 2)
    ran: list[int] = []
    waiting = [pool.submit(partial(ran.append, number)) for number in range(50)]
    assert not any(future.done() for future in waiting)
    go_on.set()
    wait(futures, 30)
    wait(waiting, 30)
    assert sorted(ran) == list(range(50))
    assert pool.submit(lambda: 1).result(30) == 1


def test_threads_are_used_again() -> None:
    pool = DaemonPool(64, "test of reuse")
    for _ in range(100):
        pool.submit(lambda: None).result(30)
    assert 1 <= sum(thread.name == "test of reuse" for thread in threading.enumerate()) < 10


def test_a_task_that_was_cancelled_while_it_waited_does_not_run() -> None:
    pool = DaemonPool(1, "test")
    go_on, futures = held(pool, 1)
    ran: list[int] = []
    unwanted = pool.submit(lambda: ran.append(1))
    assert unwanted.cancel()
    go_on.set()
    wait(futures, 30)
    assert pool.submit(lambda: "after it").result(30) == "after it"
    assert ran == []


def test_an_idle_thread_keeps_nothing_alive() -> None:
    class Thing:
        pass

    pool = DaemonPool(1, "test")
    thing = Thing()
    gone = weakref.ref(thing)
    pool.submit(partial(id, thing)).result(30)
    pool.submit(lambda: None).result(30)
    del thing
    gc.collect()
    assert gone() is None


async def test_context_variables_come_along() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    name.set("caller's")
    assert await run_in_thread(name.get) == "caller's"


async def test_many_tasks_of_a_loop_all_end() -> None:
    pool = DaemonPool(4, "test")
    found = await asyncio.gather(*(run_in_thread(partial(abs, number), pool) for number in range(500)))
    assert found == list(range(500))


@pytest.mark.parametrize(
    "script",
    [
        # A thread that hangs does not keep the process from its end.
        "pool.submit(threading.Event().wait)",
        # A fork's child has a pool of its own, though its parent had threads and one of them was busy.
        "pool.submit(threading.Event().wait); pool.submit(print).result(); child = os.fork(); "
        "code = pool.submit(lambda: 0).result(20); child or os._exit(code); "
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
    ],
)
def test_a_process_with_a_pool_ends_and_forks(script: str) -> None:
    head = "import os, sys, threading; from moderation_ai.threads import DaemonPool; pool = DaemonPool(2, 'test'); "
    ended = subprocess.run([sys.executable, "-c", head + script], timeout=60, env=dict(os.environ), check=False)
    assert ended.returncode == 0
