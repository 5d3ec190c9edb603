"""Promise 1, second proof: no 2xx leaves the process before an fdatasync later than its event's write."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from moderation_ai.cli.demo.client import Client
from tests.proofs.children import Child, signed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

_CALLS = "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,read,recvfrom,fdatasync,fsync"
_LINE = re.compile(r"(?P<pid>\d+) +(?P<at>\d+\.\d+) (?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<fd>\d+)<(?P<file>[^>]*)>")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>")
MARK = re.compile(r"mark-\d{4}-end")


@dataclass
class Call:
    """One system call: when it began and ended, its name, file and what was written or read."""

    began: float
    ended: float
    name: str
    fd: str
    file: str
    text: str


def read_trace(path: Path) -> list[Call]:
    """Return the calls of a trace in the order of their ends, the two halves of interrupted ones joined."""
    open_calls: dict[str, Call] = {}
    calls: list[Call] = []
    for line in path.read_text(errors="replace").splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        at, rest, pid = float(found["at"]), found["rest"], found["pid"]
        if resumed := _RESUMED.match(rest):
            call = open_calls.pop(pid, None)
            if call is not None and call.name == resumed["name"]:
                call.ended, call.text = at, call.text + rest
                calls.append(call)
        elif begun := _CALL.match(rest):
            call = Call(at, at, begun["name"], begun["fd"], begun["file"], rest)
            if rest.endswith("<unfinished ...>"):
                open_calls[pid] = call
            else:
                calls.append(call)
    return calls


def early_answers(calls: list[Call]) -> tuple[int, list[str]]:
    """Return how many acknowledgements were seen, and the marks of those that left before their sync."""
    asked: dict[str, str] = {}
    written: dict[str, float] = {}
    syncs: list[Call] = []
    answered, early = 0, []
    for call in calls:
        if call.name in ("read", "recvfrom") and (mark := MARK.search(call.text)):
            asked[call.fd] = mark[0]
        elif call.file.endswith("-wal") and call.name.startswith("pwrite"):
            for mark in MARK.findall(call.text):  # a page is written again with every event that joins it
                written.setdefault(mark, call.ended)
        elif call.file.endswith("-wal") and call.name in ("fdatasync", "fsync"):
            syncs.append(call)
        elif "HTTP/1.1 200" in call.text and call.fd in asked:
            mark = asked.pop(call.fd)
            answered += 1
            safe = any(written.get(mark, call.began) <= sync.began and sync.ended <= call.began for sync in syncs)
            if not safe:
                early.append(mark)
    return answered, early


async def trace(folder: Path, synchronous: str) -> tuple[int, list[str]]:
    """Post marked comments, some alone and some together, to a traced gateway; return what the trace shows."""
    strace = shutil.which("strace")
    if strace is None:
        assert not os.environ.get("CI"), "the proof needs strace: apt-get install strace"
        pytest.skip("the proof needs strace, which is not installed: apt-get install strace")
    output = folder / "trace.txt"
    prefix = (strace, "-f", "-y", "-ttt", "-s", "70000", "-e", _CALLS, "-e", "signal=none", "-o", str(output))
    child = Child(folder, synchronous=synchronous, prefix=prefix)
    marks = [f"mark-{number:04}-end" for number in range(60)]
    async with Client("127.0.0.1", child.port, 8) as client:
        for mark in marks[:20]:
            await post(client, mark)
        for start in range(20, 60, 8):
            await gather_posts(client, marks[start : start + 8])
    child.stop()
    return early_answers(read_trace(output))


async def gather_posts(client: Client, marks: list[str]) -> None:
    await asyncio.gather(*(post(client, mark) for mark in marks))


async def post(client: Client, mark: str) -> None:
    body, headers = signed(mark)
    reply = await client.post("/webhook/generic", body, headers)
    assert reply.status == 200, reply


async def test_no_acknowledgement_leaves_before_its_sync(tmp_path: Path) -> None:
    answered, early = await trace(tmp_path, "FULL")
    assert answered == 60
    assert early == []


async def test_a_build_that_does_not_sync_fails_the_proof(tmp_path: Path) -> None:
    answered, early = await trace(tmp_path, "OFF")
    assert answered == 60
    assert len(early) == 60
