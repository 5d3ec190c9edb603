"""Roles: several processes on one store, some that receive and some that handle; each may come and go."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from tests.cli.serving import INBOX, PATIENCE, Served, call, served, usual
from tests.kinds import KINDS, lasting_url

pytestmark = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])


def settings(kind: str, folder: Path) -> dict[str, str]:
    Path("inbox.py").write_text(INBOX)
    return usual(STORE__URL=lasting_url(folder / "shared.db", kind))


def send(gateway: Served, env: dict[str, str], count: int = 1) -> None:
    url = f"{gateway.ready['gateway']}/generic"
    for _ in range(count):
        sent = call("trigger", "generic", "comment.created", "--url", url, env=env)
        assert sent.returncode == 0, sent.stderr


def statuses(env: dict[str, str]) -> list[str]:
    listed = call("events", "list", "--json", env=env)
    assert listed.returncode == 0, listed.stderr
    return [msgspec.json.decode(line)["status"] for line in listed.stdout.splitlines()]


def all_done(env: dict[str, str], count: int) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if statuses(env) == ["done"] * count:
            return True
    return False


def test_a_gateway_only_stores_and_a_worker_handles(kind: str, folder: Path) -> None:
    env = settings(kind, folder)
    with served("--json", "--role", "gateway", env=env) as gateway:
        send(gateway, env)
        assert statuses(env) == ["pending"]
        with served("inbox:handler", "--json", env={**env, "MODERATION_AI_SERVER__ROLE": "worker"}) as worker:
            assert "gateway" not in worker.ready
            assert worker.ready["console"].startswith("http://127.0.0.1:")
            assert all_done(env, 1)
            assert worker.end(signal.SIGTERM) == 0
        assert gateway.end(signal.SIGTERM) == 0
    assert Path("handled").exists()


def test_processes_are_replaced_one_by_one_and_nothing_is_lost(kind: str, folder: Path) -> None:
    env = settings(kind, folder)
    with ExitStack() as stack:
        old = [stack.enter_context(served("inbox:handler", "--json", env=env))]
        send(old[0], env, 2)
        new = stack.enter_context(served("inbox:handler", "--json", env=env))
        send(new, env)
        assert old[0].end(signal.SIGTERM) == 0, "what it held came to its end, or was given back"
        send(new, env)
        assert all_done(env, 4)
        assert new.end(signal.SIGTERM) == 0


def test_a_role_that_is_none_is_refused(kind: str, folder: Path) -> None:
    refused = call("serve", "--role", "waiter", env=settings(kind, folder))
    assert refused.returncode == 3
    assert "gateway, worker or all" in refused.stderr
    alone = call("serve", "--role", "worker", "--store", "memory://", env=settings(kind, folder))
    assert (alone.returncode, "shares its store" in alone.stderr) == (3, True)
