"""Rotation: from one secret to the next without a delivery refused, by every scheme of every platform."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from moderation_ai.core.http import Response
from moderation_ai.core.platform import Credential
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.intake import Intake
from moderation_ai.stores.memory import MemoryStore
from tests.platforms.fixtures import NOW, Key, Signing, request, signings

pytestmark = pytest.mark.anyio

SIGNINGS = [signing for signing in signings() if signing.signs_the_body]
every_scheme = pytest.mark.parametrize(
    "signing", SIGNINGS, ids=[f"{one.platform.name}-{one.sample.scheme}".rstrip("-") for one in SIGNINGS]
)


def source(signing: Signing, *live: Key, name: str = "") -> Source:
    credential = Credential(secrets=tuple(key.verifies for key in live), name=name)
    return Source(platform=signing.platform, credential=credential)


class Door:
    """An intake of ``sources``, and the senders' side of it."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.store = MemoryStore()
        self.intake = Intake(self.store, sources)

    async def send(self, signing: Signing, key: Key, serial: int, account: str | None = None) -> Response:
        """Post an example of a scheme, signed with ``key``."""
        platform = signing.platform
        samples = platform.samples(NOW, serial)
        sample = next(one for one in samples if (one.name, one.scheme) == (signing.sample.name, signing.sample.scheme))
        posted = request(platform, sample.body, key, headers=sample.headers)
        return await self.intake.receive(posted, platform.name, account)

    async def takes(self, signing: Signing, key: Key, serial: int, account: str | None = None) -> bool:
        """Say whether it is stored, or is refused as that platform refuses and leaves nothing."""
        before = (await self.store.counts()).total
        answer = await self.send(signing, key, serial, account)
        is_stored = (await self.store.counts()).total > before
        refusal = 200 if signing.is_by_hub else signing.platform.refusal_status
        assert answer.status == (200 if is_stored else refusal)
        return is_stored


@every_scheme
async def test_no_delivery_is_refused_from_the_old_secret_to_the_new(signing: Signing) -> None:
    new, old, stranger = signing.keys
    name = signing.platform.name
    steps = [([old], [old]), ([new, old], [old, new]), ([new, old], [new]), ([new], [new])]
    serial = 0
    for live, senders in steps:
        door = Door({name: source(signing, *live)})
        for key in senders:
            serial += 1
            assert await door.takes(signing, key, serial)
            assert door.intake.tally.matched[name, live.index(key)] >= 1
        assert not await door.takes(signing, stranger, serial)
        assert sum(door.intake.tally.matched.values()) == len(senders)


@every_scheme
async def test_a_secret_that_was_removed_is_refused_from_the_first_request_on(signing: Signing) -> None:
    new, old, _ = signing.keys
    door = Door({signing.platform.name: source(signing, new)})
    assert not await door.takes(signing, old, 1)
    assert not door.intake.tally.matched
    assert await door.takes(signing, new, 1)


@every_scheme
async def test_the_secrets_of_an_account_are_counted_by_themselves(signing: Signing) -> None:
    name = signing.platform.name
    new, old, other = signing.keys
    named = {name: source(signing, other), f"{name}/shop": source(signing, new, old, name="shop")}
    door = Door(named)
    assert await door.takes(signing, old, 1, "shop")
    assert await door.takes(signing, other, 2)
    assert not await door.takes(signing, old, 3)
    assert door.intake.tally.matched == {(name, "shop:1"): 1, (name, 0): 1}


async def test_plain_and_prefixed_secrets_can_stand_side_by_side() -> None:
    [signing] = [one for one in SIGNINGS if one.platform.name == "generic"][:1]
    prefixed = Key("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    live = [signing.keys[0], prefixed]
    door = Door({"generic": source(signing, *live)})
    for index, key in enumerate(live):
        assert await door.takes(signing, key, index + 1)
        assert door.intake.tally.matched["generic", index] == 1
