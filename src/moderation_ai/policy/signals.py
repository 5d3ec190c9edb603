"""What is measured about a text, under which names, and what nobody measures yet."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from moderation_ai.core.decisions import Severity, Signal, Span, Value, worst_severity
from moderation_ai.policy import lexicon, patterns
from moderation_ai.policy.normalise import INVISIBLE, LOOK_ALIKE, Normalised, normalise, without_surrogates
from moderation_ai.policy.words import Hit, Term, WordFinder, terms_of, words_of

LONGEST_TEXT = 65_536
"""Characters that are read, as many as the longest post of GitHub (65,536) or Facebook (63,206) has.

``text.tail`` is not assessed where a text is longer.
"""
MOST_SPANS = 20

NUMBER, SEVERITY, WORD, LABELS, ANY = "number", "severity", "word", "list of words", "any"

MEASURED: dict[str, str] = {
    **{f"lexicon.{category}": NUMBER for category in lexicon.CATEGORIES},
    **{f"lexicon.{category}.severity": SEVERITY for category in lexicon.CATEGORIES},
    "cta": NUMBER,
    "injection": NUMBER,
    "link.count": NUMBER,
    "link.denied": NUMBER,
    "link.domain": LABELS,
    "link.share": NUMBER,
    "phone": NUMBER,
    "text.caps_ratio": NUMBER,
    "text.length": NUMBER,
    "text.mixed_script": NUMBER,
    "text.repeat.chars": NUMBER,
    "text.repeat.words": NUMBER,
    "text.zero_width": NUMBER,
}
"""Signals that the engine measures itself."""

AWAITED: dict[str, str] = {
    "author.posts_10m": NUMBER,
    "author.strikes": NUMBER,
    "dup.count": NUMBER,
    "dup.similarity": NUMBER,
    "hate.p": NUMBER,
    "media.nsfw.p": NUMBER,
    "offtopic.p": NUMBER,
    "spam.p": NUMBER,
    "tone.p": NUMBER,
    "tox.p": NUMBER,
    "window": WORD,
}
"""Signals that rules may name and that only a caller's ``Context`` can give; unknown without it."""

UNASSESSED: dict[str, tuple[str, ...]] = {
    "engagement.tone": ("tone.p",),
    "policy.impersonation": (),
    "policy.intellectual_property": (),
    "policy.media": ("media.nsfw.p",),
    "policy.misinformation": (),
    "quality.off_topic": ("offtopic.p",),
    "safety.hate": ("hate.p",),
    "safety.other_languages": (),
    "safety.toxicity": ("tox.p",),
    "spam.author_behaviour": ("author.posts_10m",),
    "spam.duplicates": ("dup.similarity",),
}
"""What a decision does not speak of, unless one of these signals is known."""

_INVISIBLE_INSIDE = re.compile(f"(?<=[A-Za-z0-9])[{INVISIBLE}]+(?=[A-Za-z0-9])|[\u202d\u202e]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_LETTER = re.compile(r"[^\W\d_]")
_RUN = re.compile(r"(\S)\1+")
_WORD = re.compile(r"\w{4,}")
_KINDS = {
    "cta": patterns.Kinds(patterns.CTA),
    "injection": patterns.Kinds(patterns.INJECTION),
    "phone": patterns.Kinds(patterns.PHONE),
}
_LINKS = patterns.Kinds(patterns.LINK)
_ALLOWED = "allowed"


class Gauges:
    """Measure a text by the built-in lists and patterns and by those of a policy."""

    def __init__(
        self,
        lists: Mapping[str, Sequence[str]],
        own_patterns: Mapping[str, str],
        denied: Sequence[str],
        allowed: Sequence[str],
        version: str,
    ) -> None:
        """Index the lists. Raise ``ConfigurationError`` for a pattern that RE2 does not accept."""
        self._lists = tuple(lists)
        self._patterns = {name: pattern for name, pattern in own_patterns.items() if patterns.compiled(pattern)}
        self._denied = tuple(denied)
        self._version = version
        self._words = WordFinder([*lexicon.builtin_terms(), *_own_terms(lists), *_allowed_terms(allowed)])

    def measure(self, text: str) -> tuple[Signal, ...]:
        """Return every signal of ``text``, sorted by name; spans point into ``text``."""
        read = without_surrogates(text[:LONGEST_TEXT])
        plain = normalise(read)
        is_latin = _is_latin(read)
        signals = [
            *_shape(text, read),
            *self._measure_words(plain, is_latin),
            *_measure_kinds(plain, is_latin),
            *self._measure_links(plain, len(read.strip())),
            *self._measure_patterns(read, plain),
        ]
        return tuple(sorted(signals, key=lambda signal: signal.name))

    def _measure_words(self, plain: Normalised, is_latin: bool) -> Iterable[Signal]:
        hits: dict[str, list[Hit]] = {}
        for hit in _without_allowed(self._words.find(plain)):
            hits.setdefault(hit.list, []).append(hit)
        for category in lexicon.CATEGORIES:
            name = f"lexicon.{category}"
            found = hits.get(name, [])
            spans = _spans(plain, found)
            yield _english(is_latin, _count(name, spans))
            yield _english(is_latin, _signal(f"{name}.severity", worst_severity(hit.severity for hit in found), spans))
        for name in self._lists:
            yield _count(f"list.{name}", _spans(plain, hits.get(f"list.{name}", [])), version=self._version)

    def _measure_links(self, plain: Normalised, length: int) -> Iterable[Signal]:
        found = _LINKS.find(plain.text)
        hosts = [patterns.host_of(plain.text[link.start : link.end]) for link in found]
        spans = _spans(plain, found)
        denied = [any(patterns.is_under(host, domain) for domain in self._denied) for host in hosts]
        bad = [span for span, is_denied in zip(spans, denied, strict=True) if is_denied]
        covered = sum(span.end - span.start for span in spans)
        yield _count("link.count", spans)
        yield _signal("link.share", round(covered / max(length, 1), 3), spans)
        yield _count("link.denied", bad, version=self._version)
        yield _signal("link.domain", tuple(sorted(set(hosts))), spans)

    def _measure_patterns(self, read: str, plain: Normalised) -> Iterable[Signal]:
        for name, pattern in self._patterns.items():
            spans = {Span(match.start, match.end) for match in patterns.find(pattern, read)}
            spans |= {plain.span(match.start, match.end) for match in patterns.find(pattern, plain.text)}
            yield _count(f"pattern.{name}", sorted(spans), version=self._version)


def _own_terms(lists: Mapping[str, Sequence[str]]) -> Iterable[Term]:
    for name, phrases in lists.items():
        yield from terms_of(f"list.{name}", {"medium": phrases})


def _allowed_terms(allowed: Sequence[str]) -> Iterable[Term]:
    severity: Severity = "none"
    return terms_of(_ALLOWED, {severity: [*lexicon.allowed_phrases(), *allowed]})


def _without_allowed(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Yield the hits that lie in no allowed phrase; those phrases do not overlap."""
    allowed = [hit for hit in hits if hit.list == _ALLOWED]
    starts = [hit.start for hit in allowed]
    for hit in hits:
        before = bisect_right(starts, hit.start)
        if hit.list != _ALLOWED and not (before and hit.end <= allowed[before - 1].end):
            yield hit


def _spans(plain: Normalised, found: Iterable[Hit | patterns.Match]) -> list[Span]:
    return [plain.span(hit.start, hit.end) for hit in found]


def _measure_kinds(plain: Normalised, is_latin: bool) -> Iterable[Signal]:
    """Count the different kinds of each table: the same call made twice is one call."""
    for name, kinds in _KINDS.items():
        found = kinds.find(plain.text)
        count = len(found) if name == "phone" else len({match.kind for match in found})
        signal = _signal(name, count, _spans(plain, found))
        yield signal if name == "phone" else _english(is_latin, signal)


def _shape(text: str, read: str) -> Iterable[Signal]:
    yield _signal("text.length", len(text))
    yield _signal("text.caps_ratio", _caps_ratio(read))
    yield _signal("text.repeat.chars", max((len(run[0]) for run in _RUN.finditer(read)), default=min(len(read), 1)))
    words = (len(list(same)) for _, same in groupby(read.casefold().split()))
    yield _signal("text.repeat.words", max(words, default=0))
    hidden = [Span(*found.span()) for found in _INVISIBLE_INSIDE.finditer(read)]
    yield _count("text.zero_width", [] if read.isascii() else hidden)
    yield _count("text.mixed_script", [] if read.isascii() else _mixed_words(read))


def _caps_ratio(text: str) -> float:
    upper = sum(map(str.isupper, text))
    lower = sum(map(str.islower, text))
    return round(upper / (upper + lower), 3) if upper else 0.0


def _mixed_words(text: str) -> list[Span]:
    words = (found for found in _WORD.finditer(text) if not found[0].isascii())
    return [Span(*word.span()) for word in words if _LATIN.search(word[0]) and LOOK_ALIKE.search(word[0])]


def _is_latin(text: str) -> bool:
    """Say whether at least half of the letters are Latin."""
    return text.isascii() or 2 * len(_LATIN.findall(text)) >= len(_LETTER.findall(text))


def _english(is_latin: bool, signal: Signal) -> Signal:
    """Return the signal, as unknown where English lists found nothing in a text that is not in Latin letters."""
    if is_latin or signal.spans:
        return signal
    return Signal(name=signal.name, version=signal.version, status="unsupported_lang")


def _count(name: str, spans: Sequence[Span], version: str = lexicon.VERSION) -> Signal:
    return _signal(name, len(spans), spans, version)


def _signal(name: str, value: Value, spans: Sequence[Span] = (), version: str = lexicon.VERSION) -> Signal:
    return Signal(name=name, version=version, value=value, spans=tuple(spans[:MOST_SPANS]))


def unreadable_phrase(phrases: Iterable[str]) -> str | None:
    """Return the first phrase that word lists cannot look for, because it has no letters."""
    return next((phrase for phrase in phrases if not words_of(phrase)), None)
