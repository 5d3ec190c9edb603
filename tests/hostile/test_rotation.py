"""Rotation: from one secret to the next without a delivery refused, by every scheme of every platform."""

from __future__ import annotations

import pytest

from moderation_ai.core.platform import Credential
from moderation_ai.pipeline.intake import Source
from tests.hostile.stage import Target, ask_each, is_refused, path_of, raw, signed, target
from tests.platforms.fixtures import NOW, Key, Signing, signings
from tests.web.stage import Answer

SIGNINGS = [signing for signing in signings() if signing.signs_the_body]
every_scheme = pytest.mark.parametrize(
    "signing", SIGNINGS, ids=[f"{one.platform.name}-{one.sample.scheme}".rstrip("-") for one in SIGNINGS]
)


def source(signing: Signing, *live: Key, name: str = "") -> Source:
    credential = Credential(secrets=tuple(key.verifies for key in live), name=name)
    return Source(platform=signing.platform, credential=credential)


def send(running: Target, signing: Signing, key: Key, serial: int, path: str | None = None) -> Answer:
    platform = signing.platform
    samples = platform.samples(NOW, serial)
    sample = next(one for one in samples if (one.name, one.scheme) == (signing.sample.name, signing.sample.scheme))
    fields = signed(platform, sample.body, key, sample.headers)
    [answer] = ask_each(running.port, [raw(path or path_of(platform), fields, sample.body)])
    return answer


@every_scheme
def test_no_delivery_is_refused_from_the_old_secret_to_the_new(signing: Signing) -> None:
    new, old, stranger = signing.keys
    name = signing.platform.name
    steps = [([old], [old]), ([new, old], [old, new]), ([new, old], [new]), ([new], [new])]
    serial = 0
    for live, senders in steps:
        with target(named={name: source(signing, *live)}) as running:
            for key in senders:
                serial += 1
                assert send(running, signing, key, serial).json["new"] >= 1
                assert running.intake.tally.matched[name, live.index(key)] >= 1
            assert is_refused(send(running, signing, stranger, serial), signing.platform, by_hub=signing.is_by_hub)
            assert sum(running.intake.tally.matched.values()) == len(senders)


@every_scheme
def test_a_secret_that_was_removed_is_refused_from_the_first_request_on(signing: Signing) -> None:
    new, old, _ = signing.keys
    with target(named={signing.platform.name: source(signing, new)}) as running:
        before = running.counts()
        assert is_refused(send(running, signing, old, 1), signing.platform, by_hub=signing.is_by_hub)
        assert running.counts() == before
        assert not running.intake.tally.matched
        assert send(running, signing, new, 1).json["new"] >= 1


@every_scheme
def test_the_secrets_of_an_account_are_counted_by_themselves(signing: Signing) -> None:
    name = signing.platform.name
    new, old, other = signing.keys
    named = {name: source(signing, other), f"{name}/shop": source(signing, new, old, name="shop")}
    with target(named=named) as running:
        assert send(running, signing, old, 1, f"/webhook/{name}/shop").status == 200
        assert send(running, signing, other, 2).status == 200
        assert is_refused(send(running, signing, old, 3), signing.platform, by_hub=signing.is_by_hub)
        assert running.intake.tally.matched == {(name, "shop:1"): 1, (name, 0): 1}


def test_plain_and_prefixed_secrets_can_stand_side_by_side() -> None:
    [signing] = [one for one in SIGNINGS if one.platform.name == "generic"][:1]
    prefixed = Key("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    live = [signing.keys[0], prefixed]
    with target(named={"generic": source(signing, *live)}) as running:
        for index, key in enumerate(live):
            assert send(running, signing, key, index + 1).json["new"] == 1
            assert running.intake.tally.matched["generic", index] == 1
