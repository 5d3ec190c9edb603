"""Driving flows without a network: each request is answered by the table's own sample, or by what a test gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from moderation_ai.core.acts import Act, Target
from moderation_ai.core.calls import Call, Failure
from moderation_ai.core.flows import Answer, Client, Flow, Outgoing, Session
from moderation_ai.core.http import Headers
from moderation_ai.core.platform import Platform
from tests.platforms.fixtures import NOW, PLATFORMS

T = TypeVar("T")

ACTORS = [platform for platform in PLATFORMS if platform.capabilities]
TOKEN = "token-that-nobody-may-see"
SESSION = Session(
    access_token=TOKEN,
    refresh_token="refresh-that-nobody-may-see",
    account_id="17841400000000077",
    user_agent="test:app:1 (by /u/test)",
)
# Instagram accounts that logged in with Facebook act through its Page; the others have none.
THROUGH_PAGE = Session(
    access_token=TOKEN, refresh_token="refresh-that-nobody-may-see", account_id="17841400000000077", page_id="1055"
)
CLIENT = Client(id="app", secret="secret-that-nobody-may-see")
TARGET = Target(
    id="c/1",
    post_id="p1",
    parent_id="c0",
    author_id="a1",
    author_username="rye_fan",
    space="breadmakers",
)


def act_of(action: str, *targets: Target) -> Act:
    return Act(action=action, targets=targets or (TARGET,), text="Thank you — danke", days=3, reason="rule 2")


def answer(status: int, body: str | bytes = b"", **headers: str) -> Answer:
    raw = body.encode() if isinstance(body, str) else body
    fields = Headers.of({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=fields, body=raw, received_at=NOW)


def sample(call: Call) -> Answer:
    return answer(call.status, call.answer)


def failing(failure: Failure) -> Answer:
    return answer(failure.status, failure.example)


def drive(flow: Flow[T], reply: Callable[[Outgoing], Answer]) -> tuple[T, list[Outgoing]]:
    """Run a flow to its end; return what it returns, and what it asked."""
    asked = []
    try:
        request = next(flow)
        while True:
            asked.append(request)
            request = flow.send(reply(request))
    except StopIteration as end:
        return end.value, asked


def by_table(platform: Platform) -> Callable[[Outgoing], Answer]:
    """Answer every request with the sample of success in its row."""
    return lambda request: sample(platform.api.call(request.call))


def flows(platform: Platform) -> Iterator[tuple[str, Callable[[], Flow[object]]]]:
    """Yield everything that can be asked of a platform, by name: each action, a fetch, a refresh."""
    for action in platform.actions:
        for look in (False, True):
            yield f"{action}{'-looking' * look}", _acting(platform, action, look)
    if platform.fetches:
        yield "fetch", lambda: platform.fetch((TARGET,), SESSION)
    yield "identify", lambda: platform.identify(SESSION)
    yield "session", lambda: platform.session(SESSION, CLIENT)


def _acting(platform: Platform, action: str, look: bool) -> Callable[[], Flow[object]]:
    session = THROUGH_PAGE if "page_id" in platform.capabilities[action].needs else SESSION
    return lambda: platform.moderate(act_of(action), session, look=look)
