"""Keys of push services: fetched when they are needed, remembered as long as they say, never asked for in a rush."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from moderation_ai.core.errors import ConfigurationError, KeyNeeded, PlatformUnavailable
from moderation_ai.core.http import Headers, Request, Response
from moderation_ai.core.jwt import thumbprint, write_key
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.pipeline.receiving.public_keys import FAILED_AGAIN, UNKNOWN_AGAIN, KeyRing, lifetime_of
from moderation_ai.platforms import find_platform
from moderation_ai.sender import Sender
from tests.keyserver import KeyServer, key_server
from tests.kinds import new_store
from tests.platforms.fixtures import private_keys, push_key, trust

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URL = "https://keys.example/certs"
FIRST, SECOND, THIRD = (key.public_key() for key in private_keys())


class Keeper:
    """Give keys as a server does, and count how often it is asked; ``hold`` keeps answers back."""

    def __init__(self, *keys: object, control: str = "max-age=600") -> None:
        self.keys = list(keys)
        self.control = control
        self.asked = 0
        self.status = 200
        self.body: bytes | None = None
        self.hold: asyncio.Event | None = None

    async def get(self, url: str, hosts: Collection[str]) -> Response:
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.status == 0:
            raise PlatformUnavailable("nobody is there")
        body = json.dumps({"keys": [write_key(key) for key in self.keys]}).encode()  # type: ignore[arg-type]  # keys
        return Response(self.status, self.body or body, "", (("cache-control", self.control),))


async def find(ring: KeyRing, key: object, after: timedelta = timedelta()) -> bool:
    """Say whether a key is found ``after`` a while."""
    key_id = thumbprint(key)  # type: ignore[arg-type]  # a key
    return key_id in await ring.find(KeyNeeded(URL, key_id), ("keys.example",), NOW + after)


async def test_a_key_is_fetched_once_while_it_is_fresh() -> None:
    source = Keeper(FIRST, SECOND)
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    assert await find(ring, SECOND, timedelta(seconds=599))
    assert source.asked == 1
    assert await find(ring, FIRST, timedelta(seconds=600))
    assert source.asked == 2


async def test_all_who_wait_share_one_fetch_even_if_the_first_goes_away() -> None:
    source = Keeper(FIRST)
    source.hold = asyncio.Event()
    ring = KeyRing(source.get)
    waiting = [asyncio.ensure_future(find(ring, FIRST)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    source.hold.set()
    assert await asyncio.gather(*waiting[1:]) == [True] * 19
    assert source.asked == 1


async def test_keys_that_nobody_has_are_looked_for_once_in_a_while_only() -> None:
    source = Keeper(FIRST, control="max-age=86400")
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    for second in range(60):
        assert not await find(ring, SECOND, timedelta(seconds=second))
    assert source.asked == 1
    assert not await find(ring, SECOND, UNKNOWN_AGAIN)
    assert source.asked == 2


async def test_a_key_that_was_added_is_found_without_a_restart() -> None:
    source = Keeper(FIRST, control="max-age=86400")
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    source.keys.append(SECOND)
    assert await find(ring, SECOND, UNKNOWN_AGAIN)


async def test_a_key_that_was_taken_out_counts_no_more_once_the_set_is_old() -> None:
    source = Keeper(FIRST)
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    source.keys = [SECOND]
    assert not await find(ring, FIRST, timedelta(seconds=600))


@pytest.mark.parametrize(
    ("status", "body"), [(0, None), (500, None), (302, None), (404, None), (200, b"<html>"), (200, b'{"keys":7}')]
)
async def test_a_failure_is_not_repeated_at_once(status: int, body: bytes | None) -> None:
    source = Keeper(FIRST)
    source.status, source.body = status, body
    ring = KeyRing(source.get)
    for second in range(5):
        with pytest.raises(PlatformUnavailable) as caught:
            await find(ring, FIRST, timedelta(seconds=second))
        assert caught.value.retry_after == 5
    assert source.asked == 1
    source.status, source.body = 200, None
    assert await find(ring, FIRST, FAILED_AGAIN)
    assert source.asked == 2


async def test_a_failure_to_look_for_another_key_does_not_cost_those_that_are_fresh() -> None:
    source = Keeper(FIRST)
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    source.status = 0
    with pytest.raises(PlatformUnavailable):
        await find(ring, SECOND, UNKNOWN_AGAIN)
    assert await find(ring, FIRST, UNKNOWN_AGAIN)


async def test_old_keys_do_not_count_while_no_new_ones_come() -> None:
    source = Keeper(FIRST)
    ring = KeyRing(source.get)
    assert await find(ring, FIRST)
    source.status = 0
    with pytest.raises(PlatformUnavailable):
        await find(ring, FIRST, timedelta(seconds=600))


async def test_closing_gives_up_what_is_being_fetched() -> None:
    source = Keeper(FIRST)
    source.hold = asyncio.Event()
    ring = KeyRing(source.get)
    waiting = asyncio.ensure_future(find(ring, FIRST))
    await asyncio.sleep(0)
    await ring.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    ("control", "age", "seconds"),
    [
        ("public, max-age=22475, must-revalidate, no-transform", "", 22_475),
        ("max-age=22475", "475", 22_000),
        ("max-age=10", "", 60),
        ("max-age=100", "1000", 60),
        ("max-age=999999999", "", 86_400),
        ('MAX-AGE = "300"', "", 300),
        ("s-maxage=300", "", 3600),
        ("no-store", "", 60),
        ("no-cache, max-age=500", "", 60),
        ("", "", 3600),
        ("max-age=soon", "later", 3600),
        ("max-age=300", "-5", 300),
    ],
)
def test_how_long_an_answer_is_remembered(control: str, age: str, seconds: int) -> None:
    answer = Response(200, headers=(("cache-control", control), ("age", age)))
    assert lifetime_of(answer) == timedelta(seconds=seconds)


# --- over real sockets ---------------------------------------------------------------------------------------------


class Gate:
    """YouTube's address, with tokens that a key server on this machine vouches for."""

    def __init__(self, server: KeyServer, **changes: object) -> None:
        self.store = new_store()
        credential = Credential(secrets=("s3cret",), pubsub=trust(**{"keys_url": server.url, "keys": None, **changes}))
        self.platform = find_platform("youtube")
        sources = {"youtube": Source(platform=self.platform, credential=credential)}
        self.intake = Intake(self.store, sources, keys=KeyRing(Sender(timeout=30).get))
        self.serial = 0

    async def push(self, number: int = 0, after: timedelta = timedelta()) -> Response:
        """Push a new comment with a token that the key of this number signed."""
        self.serial += 1
        now = NOW + after
        sample = [each for each in self.platform.samples(now, self.serial) if each.scheme == "pubsub"][1]
        fields = self.platform.sign(sample.body, push_key(private_keys()[number]), now)
        request = Request(body=sample.body, headers=Headers.of(fields), received_at=now)
        return await self.intake.receive(request, "youtube")


async def test_a_push_is_taken_once_its_key_was_fetched() -> None:
    with key_server(FIRST, SECOND) as server:
        gate = Gate(server)
        answers = [await gate.push(number) for number in (0, 1, 0)]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert json.loads(answers[0].body)["new"] == 1
        assert server.asked == 1
        assert gate.intake.tally.matched["youtube", -1] == 3


async def test_many_pushes_at_once_fetch_once() -> None:
    with key_server(FIRST) as server:
        gate = Gate(server)
        answers = await asyncio.gather(*(gate.push() for _ in range(30)))
        assert {answer.status for answer in answers} == {200}
        assert server.asked == 1


async def test_tokens_of_forgers_are_refused_and_make_nobody_ask_again_and_again() -> None:
    with key_server(FIRST) as server:
        gate = Gate(server)
        answers = [await gate.push(2, timedelta(seconds=second)) for second in range(30)]
        assert {answer.status for answer in answers} == {401}
        assert server.asked == 1
        assert (await gate.push(0)).status == 200
        assert server.asked == 1


async def test_a_key_server_that_takes_its_time_holds_back_nobody_else() -> None:
    with key_server(FIRST) as server:
        gate = Gate(server)
        server.gate.clear()
        pushes = [asyncio.ensure_future(gate.push()) for _ in range(20)]
        await asyncio.sleep(0)
        fields = gate.platform.sign(b"<feed/>", "s3cret", NOW)
        other = Request(body=b"<feed/>", headers=Headers.of(fields), received_at=NOW)
        assert (await gate.intake.receive(other, "youtube")).status == 200
        assert gate.intake.waiting == 0
        assert not any(push.done() for push in pushes)
        server.gate.set()
        assert {answer.status for answer in await asyncio.gather(*pushes)} == {200}


async def test_without_keys_a_push_is_to_be_sent_again() -> None:
    with key_server(FIRST) as server:
        gate = Gate(server)
        server.answer = server.redirect
        answer = await gate.push()
        assert answer.status == 503
        assert dict(answer.headers)["Retry-After"] == "5"
        assert (await gate.push()).status == 503
        assert server.asked == 1
        assert gate.intake.tally.rejected["youtube", "PlatformUnavailable"] == 2
        server.answer = server.give_keys
        assert (await gate.push(after=FAILED_AGAIN)).status == 200


async def test_a_token_that_says_the_wrong_things_asks_for_no_key() -> None:
    with key_server(FIRST) as server:
        for changes in ({"audience": "https://else.example"}, {"service_account": "other@else.example"}):
            assert (await Gate(server, **changes).push()).status == 401
        assert server.asked == 0


async def test_a_platform_cannot_have_us_ask_whomever_it_likes() -> None:
    ring = KeyRing(Sender().get)
    needed = KeyNeeded("http://127.0.0.1:1/keys", "k")
    with pytest.raises((ConfigurationError, PlatformUnavailable)):
        await ring.complete(needed, find_platform("youtube"), Credential(pubsub=trust(keys=None)), NOW)


async def test_without_a_key_ring_a_push_is_to_be_sent_again() -> None:
    credential = Credential(pubsub=trust(keys=None))
    platform = find_platform("youtube")
    intake = Intake(new_store(), {"youtube": Source(platform=platform, credential=credential)})
    fields = platform.sign(b"{}", push_key(private_keys()[0]), NOW)
    answer = await intake.receive(Request(body=b"{}", headers=Headers.of(fields), received_at=NOW), "youtube")
    assert answer.status == 503
