"""A full disk: what cannot be kept is answered 503, nothing of it is acknowledged, and it ends by itself.

The disk is a real one, and the gateway a process of its own whose files may not grow beyond a limit for a while.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proofs.children import Child, signed, wait_for_handled
from tests.proofs.test_kill_nine import stored_ids
from tests.webhooks.serving import Reply
from tests.webhooks.serving import post as post_to

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set by Linux's prlimit"),
]

LONG = "x" * 50_000


@contextmanager
def full_disk(child: Child, room: int) -> Iterator[None]:
    """Let no file of the gateway grow by more than ``room`` bytes."""
    import resource

    largest = max(file.stat().st_size for file in child.database.parent.glob(child.database.name + "*"))
    before = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (largest + room, before[1]))
    try:
        yield
    finally:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, before)


async def post(child: Child, event_id: str) -> Reply:
    body, headers = signed(event_id, LONG)
    return await asyncio.to_thread(post_to, child.port, "/webhook/generic", body, headers)


async def test_nothing_is_acknowledged_while_the_disk_is_full_and_it_recovers_by_itself(tmp_path: Path) -> None:
    child = Child(tmp_path)
    acknowledged, refused = {"before"}, []
    try:
        assert (await post(child, "before")).status == 200
        with full_disk(child, 300_000):
            while len(refused) < 10:
                event_id = f"full-{len(acknowledged) + len(refused)}"
                reply = await post(child, event_id)
                if reply.status == 200:
                    acknowledged.add(event_id)
                    continue
                assert (reply.status, set(reply.json())) == (503, {"error"})
                assert int({name.lower(): value for name, value in reply.headers.items()}["retry-after"]) >= 1
                refused.append(event_id)
            assert acknowledged == await stored_ids(child.database), "reading goes on"
        for event_id in refused:
            reply = await post(child, event_id)
            assert (reply.status, reply.json()["new"]) == (200, 1), "nothing of it had been kept"
        await wait_for_handled(child, acknowledged | set(refused))
    finally:
        status = child.stop()
    assert status == 0
    assert await stored_ids(child.database) == acknowledged | set(refused)
