"""The sample Devvit app signs what our gateway verifies, and what it forwards arrives once."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.generic import sign_standard
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential
from moderation_ai.platforms.reddit import PLATFORM
from moderation_ai.platforms.reddit.devvit import KINDS
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store
from tests.cli.serving import PATIENCE, environment, served
from tests.platforms.fixtures import NOW

APP = Path(__file__).resolve().parents[2] / "examples" / "devvit"
VECTORS = json.loads((APP / "test" / "vectors.json").read_text("utf-8"))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed: the app's signatures are pinned by its vectors alone"
)


def run_node(*arguments: str, given: Sequence[Any] = ()) -> str:
    lines = "".join(json.dumps(each) + "\n" for each in given)
    program = shutil.which("node") or "node"
    done = subprocess.run(
        [program, *arguments], input=lines, capture_output=True, text=True, cwd=APP, timeout=4 * PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def stored(url: str) -> Sequence[WebhookEvent]:
    store = open_store(url)
    await store.open()
    events = await store.events(EventFilter())
    await store.close()
    return events


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["body"][:30])
def test_the_apps_vectors_are_what_we_sign_and_verify(vector: dict[str, Any]) -> None:
    at, body = datetime.fromtimestamp(vector["seconds"], UTC), vector["body"].encode()
    fields = sign_standard(body, vector["secret"], at, vector["id"])
    assert fields["webhook-signature"] == vector["signature"]
    request = Request(body=body, headers=Headers.of(fields), received_at=at)
    assert PLATFORM.verify(request, Credential(secrets=(vector["secret"],))) == 0


@node
def test_the_apps_own_tests_pass() -> None:
    said = run_node("--test", *sorted(str(path) for path in (APP / "test").glob("*.test.js")))
    assert "# fail 0" in said or "fail 0" in said


@node
def test_what_the_app_signs_is_verified() -> None:
    bodies = ['{"type":"CommentSubmit"}', "", "Zu salzig – 🍞", "\u2028\u0000\\u0000", "x" * 100_000]
    secrets = [SECRET, "whsec_c2VjcmV0", "whsec_c2VjcmV", "whsec_-_-_", "whsec_", "plain", "grün 🍞"]
    asked = [
        {"body": body, "secret": secret, "id": "msg_1", "seconds": int(NOW.timestamp())}
        for body in bodies
        for secret in secrets
    ]
    answers = run_node("test/sign_lines.js", given=asked).splitlines()
    for each, line in zip(asked, answers, strict=True):
        request = Request(body=str(each["body"]).encode(), headers=Headers.of(json.loads(line)), received_at=NOW)
        assert PLATFORM.verify(request, Credential(secrets=(str(each["secret"]),))) == 0


@node
def test_what_the_app_forwards_arrives_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    comment = {"id": "t1_c1", "postId": "t3_p1", "parentId": "t3_p1", "body": "Zu salzig 🍞", "author": "t2_r"}
    told = [
        {"type": kind, "trigger": {"comment": {**comment, "createdAt": int(NOW.timestamp() * 1000)}}}
        for kind in ("CommentSubmit", "CommentCreate")
    ]
    url = f"sqlite:///{tmp_path}/inbox.db"
    settings = environment(PLATFORMS__REDDIT__SECRETS=SECRET, STORE__URL=url, SERVER__PORT="0", CONSOLE__PORT="0")
    with served("--json", env=settings) as gateway:
        assert run_node("test/forward.js", f"{gateway.ready['gateway']}/reddit", SECRET, given=told) == "2\n"
    events = asyncio.run(stored(url))
    assert [(event.event_type, event.text, event.platform) for event in events] == [
        ("comment.created", "Zu salzig 🍞", "reddit")
    ]
    assert (events[0].delivery_id or "").startswith("msg_")


def test_the_app_forwards_every_trigger_that_we_make_events_of() -> None:
    triggers = json.loads((APP / "devvit.json").read_text("utf-8"))["triggers"]
    assert {name.removeprefix("on") for name in triggers} == {kind for kind, becomes in KINDS.items() if becomes}
    assert all(path == f"/internal/triggers/{name.removeprefix('on')}" for name, path in triggers.items())
