"""What happens when a program ends, forks or is killed while events are being handled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kinds import LASTING
from tests.webhooks.children import handled, run_program

in_every_store = pytest.mark.parametrize("store", [LASTING, "memory"])


@in_every_store
def test_a_program_that_ends_with_work_that_nobody_awaited_does_it_first(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("*")
        async def slow(event):
            note("begun:" + event.data.comment.id)
            await asyncio.sleep(0.3)
            note("ended:" + event.data.comment.id)

        @handler.on("*")
        def plain(event):
            time.sleep(0.3)
            note("plain:" + event.data.comment.id)

        async def main():
            for name in "abc":
                handler.handle(made(name))
            await asyncio.sleep(0)

        asyncio.run(main())
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {line for line in handled(tmp_path) if not line.startswith("begun")} == {
        f"{kind}:{name}" for kind in ("ended", "plain") for name in "abc"
    }


@in_every_store
def test_a_handler_that_hangs_holds_up_the_end_no_longer_than_allowed(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler(exit_deadline=0.3)

        @handler.on("comment.created")
        async def hang(event):
            await asyncio.Event().wait()

        @handler.on("comment.updated")
        def hang_too(event):
            threading.Event().wait()

        @handler.on("comment.held")
        def quick(event):
            note("quick")

        async def main():
            for kind in ("created", "updated", "held"):
                handler.handle(made(kind, "comment." + kind))
            while not Path("handled.txt").exists():  # The store is open then, which may take longer than is allowed.
                await asyncio.sleep(0.01)

        asyncio.run(main())
        began = time.monotonic()
        import atexit
        # What is registered last runs first, and what was registered by the import runs last.
        atexit.register(note, "exit")
        print("end")
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, ended.stdout) == (0, "end\n")
    assert ended.stderr == "2 events were still being handled at exit; a durable store keeps them\n"
    assert sorted(handled(tmp_path)) == ["exit", "quick"]


@in_every_store
def test_work_that_begins_at_the_end_is_done_too(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("comment.created")
        async def first(event):
            await asyncio.sleep(0.1)
            handler.handle(made("next", "comment.updated"))

        @handler.on("comment.updated")
        async def second(event):
            await asyncio.sleep(0.1)
            note("second")

        async def main():
            handler.handle(made())

        asyncio.run(main())
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, ended.stderr, handled(tmp_path)) == (0, "", ["second"])


@in_every_store
def test_sys_exit_and_an_error_lose_nothing(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("*")
        async def slow(event):
            await asyncio.sleep(0.1)
            note(event.data.comment.id)

        async def main():
            handler.handle(made("a"))
            sys.exit(7)

        asyncio.run(main())
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, ended.stderr, handled(tmp_path)) == (7, "", ["a"])


@in_every_store
def test_a_forks_child_has_a_loop_of_its_own(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("*")
        async def slow(event):
            await asyncio.sleep(0.05)
            note(f"{event.data.comment.id}:{os.getpid()}")

        handler.handle(made("parent"))
        child = os.fork()
        handler.handle(made("child" if child == 0 else "parent-again"))
        if child:
            assert os.waitpid(child, 0)[1] == 0
            print(os.getpid(), child)
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, ended.stderr) == (0, "")
    parent, child = ended.stdout.split()
    done = dict(line.split(":") for line in handled(tmp_path))
    assert len(handled(tmp_path)) == 3
    if store == "postgres":  # Where both add at the same time, whoever claims first has what the other waits for.
        assert set(done) == {"child", "parent", "parent-again"}
        assert set(done.values()) <= {parent, child}
    else:
        assert done == {"child": child, "parent": parent, "parent-again": parent}


@in_every_store
def test_retries_do_not_hold_up_the_end(tmp_path: Path, store: str) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("*")
        def fail(event):
            note("run")
            raise ValueError("always")

        handler.handle(made())
    """
    ended = run_program(tmp_path, program, store=store)
    assert ended.returncode == 0
    assert handled(tmp_path) == ["run"]


@in_every_store
def test_health_checks_do_not_hold_up_the_end(tmp_path: Path, store: str) -> None:
    program = """
        from moderation_ai.utils import WebhookMonitor
        handler = WebhookHandler()
        monitor = WebhookMonitor()
        monitor.start_health_checks()
        while monitor.last is None:
            time.sleep(0.01)
        note(monitor.last.status)
    """
    ended = run_program(tmp_path, program, store=store)
    assert (ended.returncode, handled(tmp_path)) == (0, ["degraded"])
    assert "Traceback" not in ended.stderr


def test_what_a_killed_process_had_in_hand_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    killed = """
        handler = WebhookHandler()

        @handler.on("*", name="h")
        async def begun(event):
            note("begun")
            os.kill(os.getpid(), 9)

        handler.handle(made("in hand"))
    """
    after = """
        handler, ended = WebhookHandler(), threading.Event()

        @handler.on("*", name="h")
        def end(event):
            note(event.data.comment.id.replace(" ", "-"))
            if event.data.comment.id == "in hand":
                ended.set()

        handler.handle(made("new"))
        # Long before the killed process's lease of thirty seconds ends.
        assert ended.wait(10)
    """
    assert run_program(tmp_path, killed).returncode == -9
    ended = run_program(tmp_path, after)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(handled(tmp_path)) == ["begun", "in-hand", "new"]


def test_ctrl_c_ends_the_program_and_loses_nothing(tmp_path: Path) -> None:
    program = """
        handler = WebhookHandler()

        @handler.on("*")
        async def slow(event):
            note("run")
            if threading.current_thread() is threading.main_thread():
                os.kill(os.getpid(), 2)
                await asyncio.Event().wait()
            note("end")

        async def main():
            await handler.handle(made())

        asyncio.run(main())
    """
    ended = run_program(tmp_path, program)
    assert ended.returncode == -2
    assert handled(tmp_path) == ["run", "run", "end"]
