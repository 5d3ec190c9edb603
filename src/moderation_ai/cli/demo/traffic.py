"""What the demo sends: every platform's samples, with duplicates, late and reordered deliveries, and forgeries."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from moderation_ai.core.http import Headers, Request
from moderation_ai.core.platform import Credential, Platform, Sample
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.receiving.reading import finish_all, parse_or_keep
from moderation_ai.platforms import aliases

IGNORED_SHARE = 0.08
"""The share of requests of no use to us, where a platform has such."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the demo: where it goes, what must become of it, and the ids of the events in it."""

    platform: str
    body: bytes
    headers: Mapping[str, str]
    event_ids: tuple[str, ...] = ()
    ignored: int = 0
    forged: bool = False

    @property
    def size(self) -> int:
        """Return how many events it counts as: what is of no use counts too, and a body that is nothing is one."""
        return max(1, len(self.event_ids) + self.ignored)

    @property
    def path(self) -> str:
        """Return the gateway's address for it."""
        return f"/webhook/{self.platform}"


class Traffic:
    """Make requests without end; ``seed`` makes a run repeatable but for its times and ``serial`` numbers."""

    def __init__(self, platforms: Sequence[Platform], secrets: Mapping[str, str], *, seed: int, serial: int) -> None:
        """Keep the platforms, the secret of each by name, and where the numbering of objects begins."""
        self._platforms = list(platforms)
        self._secrets = dict(secrets)
        self._random = random.Random(seed)  # noqa: S311  # traffic, not secrets
        self._serial = serial
        self._late: list[Post] = []
        self._sent: list[Post] = []

    def batch(self, now: datetime, size: int) -> list[Post]:
        """Return ``size`` requests or a few more, in the order of sending."""
        posts: list[Post] = []
        while len(posts) < size:
            posts += self._some(now)
        return posts

    def _some(self, now: datetime) -> Iterator[Post]:
        """Yield a fresh request with its troubles: one in ten comes twice, one in twelve late, one in twelve forged."""
        platform = self._random.choice(self._platforms)
        self._serial += 1
        # The envelope is understood under every name, but opens those addresses alone that the generic schemes open.
        if self._random.random() < 0.02 and not platform.own_scheme:
            yield from self._deleted_before_created(platform, now)
        sample = self._drawn(platform.samples(now, self._serial))
        post = self._signed(platform, sample, now)
        chance = self._random.random()
        if chance < 0.08:
            self._late.append(post)
        else:
            yield post
            self._remember(post)
        if chance > 0.90 and self._sent:
            yield self._random.choice(self._sent)
        if chance > 0.92:
            yield self._forged(post, platform, now)
        if len(self._late) > 20:
            yield self._late.pop(self._random.randrange(len(self._late)))

    def _drawn(self, samples: Sequence[Sample]) -> Sample:
        """Return one of the samples; what is of no use to us comes seldom, though its kinds are many."""
        useful = [sample for sample in samples if sample.events]
        useless = [sample for sample in samples if not sample.events]
        return self._random.choice(useless if useless and self._random.random() < IGNORED_SHARE else useful)

    def _deleted_before_created(self, platform: Platform, now: datetime) -> Iterator[Post]:
        """Yield a comment's deletion, then its creation, which was earlier: it must be kept and not handled."""
        comment = {"id": f"c{self._serial}", "post_id": "p1", "author_id": "a1", "text": "gone before it came"}
        deleted = {"comment_id": comment["id"], "post_id": "p1"}
        earlier = now - timedelta(seconds=5)
        for kind, when, data in (("deleted", now, deleted), ("created", earlier, {"comment": comment})):
            envelope = {"event_type": f"comment.{kind}", "timestamp": when, "platform": platform.name, "data": data}
            sample = Sample(name=f"comment.{kind}", body=msgspec.json.encode(envelope), events=())
            yield self._signed(platform, sample, now)

    def _remember(self, post: Post) -> None:
        self._sent.append(post)
        if len(self._sent) > 200:
            self._sent.pop(0)

    def _signed(self, platform: Platform, sample: Sample, now: datetime) -> Post:
        secret = self._secrets[platform.name]
        headers = platform.request_headers(sample, secret, now)
        ids, ignored = events_of(platform, secret, sample.body, headers, now)
        return Post(platform=platform.name, body=sample.body, headers=headers, event_ids=ids, ignored=ignored)

    def _forged(self, post: Post, platform: Platform, now: datetime) -> Post:
        """Return ``post`` as somebody without the secret would send it: another body, secret, no signature, old."""
        body, headers = post.body, dict(post.headers)
        kind = self._random.randrange(4)
        if kind == 0:
            body = body + b" "
        elif kind == 1:
            headers.update(platform.sign(body, "not the secret", now, {}))
        elif kind == 2:
            signed = {name.lower() for name in platform.sign(body, "x", now, {})}
            headers = {name: value for name, value in headers.items() if name.lower() not in signed}
        else:
            headers.update(platform.sign(body, "an old secret", now - timedelta(days=30), {}))
        return Post(platform=post.platform, body=body, headers=headers, forged=True)


def events_of(
    platform: Platform, secret: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> tuple[tuple[str, ...], int]:
    """Return the ids of the events that ``body`` holds, and how many things in it are of no use to us."""
    request = Request(headers=Headers.of(headers), body=body, received_at=now)
    parsed = parse_or_keep(request, platform)
    source = Source(platform=platform, credential=Credential(secrets=(secret,)))
    events = finish_all(parsed, request, source, aliases())
    return tuple(keyed.event.event_id for keyed in events), len(parsed.ignored)
