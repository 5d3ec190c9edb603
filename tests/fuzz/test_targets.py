"""Each platform's fuzz target, in the short form; ``make fuzz`` runs a million cases."""

from __future__ import annotations

import os
from random import Random

import pytest

from moderation_ai.core.http import Request
from moderation_ai.core.platform import Credential, Platform
from moderation_ai.platforms.generic import Generic
from tests.fuzz.mutations import MUTATIONS, mutate
from tests.fuzz.targets import ALL_BODIES, Broken, Target
from tests.platforms.fixtures import NOW, PLATFORMS

CASES = int(os.environ.get("MODERATION_AI_FUZZ_CASES", "1000"))


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_nothing_but_our_errors_and_events_comes_out_of_any_request(platform: Platform) -> None:
    target = Target(platform)
    for number in range(CASES):
        target.run(number)
    # Cases that all end in the same way would prove little.
    assert min(target.seen[fate] for fate in ("accepted", "refused", "understood", "unknown", "malformed")) > CASES / 50


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_same_number_is_the_same_mutation(mutation: object) -> None:
    for body in ALL_BODIES:
        assert mutate(body, Random(7), ALL_BODIES) == mutate(body, Random(7), ALL_BODIES)


class Gullible(Generic):
    """A platform whose scheme forgets the body's end."""

    def verify(self, request: Request, credential: Credential) -> int:
        shorter = Request(body=request.body[:20], headers=request.headers, received_at=request.received_at)
        return super().verify(shorter, credential)

    def sign(self, body: bytes, *arguments: object) -> dict[str, str]:  # type: ignore[override]  # passed on as it is
        return super().sign(body[:20], *arguments)  # type: ignore[arg-type]  # likewise


class Raising(Generic):
    """A platform whose reader trusts what is sent to it."""

    def parse(self, request: Request) -> object:  # type: ignore[override]  # it never gets so far as to return
        return super().parse(Request(body=request.body, received_at=request.received_at)).facts[0].data.comment.id  # type: ignore[union-attr]  # the very defect


@pytest.mark.parametrize("platform", [Gullible(), Raising()], ids=lambda platform: type(platform).__name__)
def test_finds_what_is_wrong_with_a_platform(platform: Platform) -> None:
    target = Target(platform)

    def run_until_it_breaks() -> None:
        for number in range(2000):
            target.run(number)

    with pytest.raises(Broken, match=r"case \d+"):
        run_until_it_breaks()


def test_a_broken_case_tells_how_to_run_it_again() -> None:
    request = Request(body=b"{}", received_at=NOW)
    assert "generic, case 7: why" in str(Broken(Generic(), 7, "why", request))
