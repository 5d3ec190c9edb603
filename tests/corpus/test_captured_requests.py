"""What platforms really sent becomes what it must: `pytest tests/corpus --corpus FOLDER`."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from moderation_ai.cli.demo.corpus import Case, differences, events_of, load_corpus, request_of
from moderation_ai.core.content import as_time
from moderation_ai.core.errors import InvalidSignature, MalformedPayload
from moderation_ai.core.events import finish, to_dict
from moderation_ai.core.generic import verify_generic
from moderation_ai.core.http import Headers, Request
from moderation_ai.core.jwt import read_keys, read_token
from moderation_ai.core.platform import PUSH_TOKEN, Credential, Platform
from moderation_ai.core.pubsub import Pubsub
from moderation_ai.platforms import all_platforms

pytestmark = pytest.mark.corpus

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COMPLETE = ("generic", "instagram", "reddit", "tiktok", "twitter", "youtube")
"""The platforms that read all that they are sent; the others know the brief's shapes so far."""
ENOUGH = 0.95
SECRET = "a-secret-of-ours"


@pytest.fixture(scope="module")
def cases(pytestconfig: pytest.Config) -> list[Case]:
    folder: Path | None = pytestconfig.getoption("--corpus", default=None)
    if folder is None:
        pytest.skip("no folder of captured requests is named: pytest tests/corpus --corpus FOLDER")
    found = load_corpus(folder)
    assert found, f"{folder} holds no captured requests"
    return found


def pushed(cases: list[Case], platform: Platform) -> list[Case]:
    return [case for case in cases if case.platform == platform.name and case.road == "webhook"]


def said_of(case: Case, platform: Platform) -> list[str]:
    """Return how the events of a case, signed by us and verified, differ from those that it promises."""
    posted = request_of(case, platform, SECRET, NOW)
    live = Credential(secrets=(SECRET,))
    assert platform.verify(posted, live) == 0
    refused = case.vector is not None and case.vector.must_fail
    return differences(case.expected, [] if refused else events_of(posted, platform, live))


def test_nearly_all_that_a_poller_reads_becomes_what_it_must(
    cases: list[Case], record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: Counter[tuple[str, bool]] = Counter()
    notes = []
    for case in cases:
        platform = all_platforms().get(case.platform)
        if case.road != "poll" or platform is None:
            continue
        said = read_of(case, platform)
        counts[platform.name, not said] += case.certain
        if said:
            notes.append(f"{case.name} ({'certain' if case.certain else case.why_uncertain}): {' | '.join(said)}")
    names = sorted({name for name, _ in counts})
    shares = [f"{name} {counts[name, True]} of {counts[name, True] + counts[name, False]}" for name in names]
    record_property("polled", ", ".join(shares))
    with capsys.disabled():
        print(f"\npolled, certain: {', '.join(shares)}", *notes, sep="\n  ")
    assert names
    for name in names:
        assert counts[name, True] >= ENOUGH * (counts[name, True] + counts[name, False]), "\n".join(notes)


def read_of(case: Case, platform: Platform) -> list[str]:
    """Return how the events that a poller reads out of a body differ from those that it promises."""
    try:
        facts = platform.read_page(case.body, NOW).facts
    except MalformedPayload as error:
        return [str(error)]
    kept = [finish(fact, platform=platform.name, received_at=NOW, source="poll").event for fact in facts]
    return differences(case.expected, [to_dict(event) for event in kept])


@pytest.mark.parametrize("name", COMPLETE)
def test_nearly_all_that_is_certain_becomes_what_it_must(
    name: str, cases: list[Case], record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = all_platforms()[name]
    counts: Counter[tuple[bool, bool]] = Counter()
    notes = []
    for case in pushed(cases, platform):
        said = said_of(case, platform)
        counts[case.certain, not said] += 1
        if said:
            notes.append(f"{case.name} ({'certain' if case.certain else case.why_uncertain}): {' | '.join(said)}")
    good, total = counts[True, True], counts[True, True] + counts[True, False]
    record_property("certain", f"{good}/{total}")
    with capsys.disabled():
        unsure = f"{counts[False, True]} of {counts[False, True] + counts[False, False]} uncertain"
        print(f"\n{name}: {good} of {total} certain, {unsure}", *notes, sep="\n  ")
    assert total
    assert good >= ENOUGH * total, "\n".join(notes)


def test_published_signatures_verify_as_they_stand(cases: list[Case]) -> None:
    platforms = all_platforms()
    vectors = [case for case in cases if case.vector and case.platform in COMPLETE]
    assert vectors
    for case in vectors:
        assert case.vector is not None
        live = Credential(secrets=("another", case.vector.secret))
        posted = Request(body=case.body, headers=Headers.of(case.vector.headers), received_at=signed_at(case))
        if case.vector.must_fail:
            with pytest.raises(InvalidSignature):
                platforms[case.platform].verify(posted, live)
        else:
            assert platforms[case.platform].verify(posted, live) == 1, case.name


def signed_at(case: Case) -> datetime:
    """Return the time that a published signature was made at, so that it is fresh."""
    assert case.vector is not None
    headers = Headers.of(case.vector.headers)
    stamp = headers.get("webhook-timestamp") or (headers.get("tiktok-signature") or "").partition(",")[0][2:]
    return as_time(stamp) or NOW


def test_the_briefs_scheme_opens_every_platform_that_says_so(cases: list[Case]) -> None:
    for case in cases:
        platform = all_platforms().get(case.platform)
        if platform is None or case.road != "webhook":
            continue
        posted = request_of(case, all_platforms()["generic"], SECRET, NOW)
        assert verify_generic(posted, (SECRET,)) == 0
        assert platform.verify(posted, Credential(secrets=(SECRET,), generic=True)) == 0


def test_a_hub_may_push_what_a_poll_of_mediums_feeds_would_see(cases: list[Case]) -> None:
    platform = all_platforms()["medium"]
    feeds = [case for case in cases if case.platform == "medium" and case.certain]
    assert feeds
    said = {case.name: notes for case in feeds if (notes := said_of(case, platform))}
    assert len(feeds) - len(said) >= ENOUGH * len(feeds), said


def test_a_token_that_google_signed_is_verified_by_googles_key(cases: list[Case]) -> None:
    pushes = [case for case in cases if case.file.parent.name == "pubsub"]
    assert pushes
    for case in pushes:
        meta = json.loads(case.file.with_name(f"{case.file.stem}.meta.json").read_text("utf-8"))
        keys = read_keys(json.dumps({"keys": [meta["signature"]["jwk"]]}).encode())
        token = read_token(meta["headers"]["Authorization"].removeprefix("Bearer "))
        issued = datetime.fromtimestamp(token.claims["iat"], UTC)
        trust = Pubsub(audience=token.claims["aud"], service_account=token.claims["email"], keys=keys)
        posted = Request(body=case.body, headers=Headers.of(meta["headers"]), received_at=issued)
        live = Credential(pubsub=trust)
        assert all_platforms()["youtube"].verify(posted, live) == PUSH_TOKEN
        with pytest.raises(InvalidSignature):
            all_platforms()["youtube"].verify(msgspec.structs.replace(posted, received_at=NOW), live)
