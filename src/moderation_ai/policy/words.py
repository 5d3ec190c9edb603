"""Finding listed words and phrases in a text: whole words only, also where they are spelled to get past a list.

Whole words, so that the town of Scunthorpe may be named. Understood are digits and symbols for letters (``sp4m``),
stars (``sp*m``), stretched letters (``spaaam``), letters set apart (``s p a m``) and phrases written as one word; what
looks alike or is invisible was folded before. All of it takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from moderation_ai.core.decisions import Severity
from moderation_ai.policy.normalise import Normalised, normalise

# Vowel signs and other marks belong to the words of many scripts, although Python's \w leaves them out.
_MARKS = (
    "\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u109f\u1780-\u17ff"
    "\u3099\u309a"
)
_LETTERS = f"(?:(?!_)[\\w{_MARKS}])+"
_PLAIN = re.compile(_LETTERS)
# Symbols that stand for letters, or hide them, hold a word together: "a$$", "f*ck".
_TOKEN = re.compile(f"[@$]?{_LETTERS}(?:[@$!|*#+]{{1,6}}{_LETTERS})*[$*]{{0,6}}")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_STRETCHED = re.compile(r"(.)\1\1")
_LEET = [str.maketrans("013457$@!|+", "oieastsaiit"), str.maketrans("013457$@!|+", "oleastsaiit")]
_LONGEST_WORD = 64
_SHORTEST_JOINED = 6


class Term(NamedTuple):
    """A word or phrase, as its plain words, of a list."""

    list: str
    severity: Severity
    words: tuple[str, ...]


class Hit(NamedTuple):
    """A term that was found, with its place in the normalised text."""

    list: str
    severity: Severity
    start: int
    end: int


class _Token(NamedTuple):
    start: int
    end: int
    readings: tuple[str, ...]


def words_of(phrase: str) -> tuple[str, ...]:
    """Return the plain words of a listed phrase; none where it has no letters."""
    return tuple(_PLAIN.findall(normalise(phrase).text))


class Vocabulary:
    """The words that matter, and how to recognise them."""

    def __init__(self, words: Iterable[str]) -> None:
        """Sort the words by what is left of them when they are disguised."""
        self._words = frozenset(words)
        self._squashed: dict[str, list[str]] = {}
        self._masked: dict[tuple[str, int], list[str]] = {}
        for word in sorted(self._words):
            self._squashed.setdefault(_squash(word), []).append(word)
            self._masked.setdefault((word[0], len(word)), []).append(word)

    def read(self, piece: str) -> tuple[str, ...]:
        """Return the known words that ``piece`` may stand for."""
        if len(piece) > _LONGEST_WORD:
            return ()
        return tuple(dict.fromkeys(word for way in self._ways(piece) for word in self._known(way)))

    def _known(self, piece: str) -> Iterator[str]:
        if piece in self._words:
            yield piece
        elif piece.endswith("s") and piece[:-1] in self._words and len(piece) > 3:
            yield piece[:-1]
        if _STRETCHED.search(piece):
            yield from (word for word in self._squashed.get(_squash(piece), ()) if _stretches(piece, word))

    def _ways(self, piece: str) -> Iterator[str]:
        yield piece
        if piece.isalpha():
            return
        letters = sum(letter.isalpha() for letter in piece)
        digits = sum(letter.isdigit() for letter in piece)
        if letters >= (2 if digits else 1):  # The A55 is a road.
            yield from (piece.translate(table) for table in _LEET)
        if letters >= 2 and ("*" in piece or "#" in piece):
            yield from (w for w in self._masked.get((piece[0], len(piece)), ()) if _is_behind(w, piece))


def _squash(word: str) -> str:
    return "".join(letter for letter, _ in groupby(word))


def _stretches(piece: str, word: str) -> bool:
    return all(
        len(list(long)) >= len(list(short)) for (_, long), (_, short) in zip(groupby(piece), groupby(word), strict=True)
    )


def _is_behind(word: str, piece: str) -> bool:
    return len(word) > 3 and all(m in ("*", "#", w) for m, w in zip(piece, word, strict=True))


class _Branch:
    """A place in the tree of terms: the terms that end here, and the words that may come next."""

    __slots__ = ("next", "terms")

    def __init__(self) -> None:
        self.next: dict[str, _Branch] = {}
        self.terms: list[Term] = []

    def add(self, term: Term, words: Sequence[str]) -> None:
        branch = self
        for word in words:
            branch = branch.next.setdefault(word, _Branch())
        branch.terms.append(term)


class WordFinder:
    """Find the terms of many lists in one walk over a text."""

    def __init__(self, terms: Iterable[Term]) -> None:
        """Grow the tree of the terms' words; terms of scripts without spaces are kept as they are."""
        self._unspaced: list[Term] = []
        self._root = _Branch()
        words: set[str] = set()
        for term in terms:
            if _UNSPACED.search("".join(term.words)):
                self._unspaced.append(term)
            else:
                words.update(self._plant(term))
        self._vocabulary = Vocabulary(words)

    def _plant(self, term: Term) -> tuple[str, ...]:
        self._root.add(term, term.words)
        joined = "".join(term.words)
        if len(term.words) == 1 or len(joined) < _SHORTEST_JOINED:
            return term.words
        self._root.add(term, (joined,))
        return (*term.words, joined)

    def find(self, plain: Normalised) -> list[Hit]:
        """Return the hits in the order of their places; those of one list do not overlap."""
        tokens = self._tokens(plain.text)
        free: dict[str, int] = {}
        hits = list(self._find_unspaced(plain.text))
        for at, token in enumerate(tokens):
            found = sorted(_grow(self._root, plain.text, tokens, at), key=lambda end: -end[1]) if token.readings else ()
            for term, end in found:
                if at >= free.get(term.list, 0):
                    free[term.list] = end
                    hits.append(Hit(term.list, term.severity, token.start, tokens[end - 1].end))
        return sorted(hits, key=lambda hit: (hit.start, hit.end, hit.list))

    def _find_unspaced(self, text: str) -> Iterator[Hit]:
        for term in self._unspaced:
            letters = " ".join(term.words)
            at = text.find(letters)
            while at >= 0:
                yield Hit(term.list, term.severity, at, at + len(letters))
                at = text.find(letters, at + len(letters))

    def _tokens(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        for found in _TOKEN.finditer(text):
            readings = self._vocabulary.read(found[0])
            if readings or found[0].isalnum():
                tokens.append(_Token(found.start(), found.end(), readings))
            else:
                tokens += self._pieces(text, found)
        return list(self._spelled_out(text, tokens))

    def _pieces(self, text: str, found: re.Match[str]) -> Iterator[_Token]:
        for piece in _PLAIN.finditer(text, found.start(), found.end()):
            yield _Token(piece.start(), piece.end(), self._vocabulary.read(piece[0]))

    def _spelled_out(self, text: str, tokens: Sequence[_Token]) -> Iterator[_Token]:
        """Join letters that stand apart where they make a known word."""
        for run in _runs_of_letters(text, tokens):
            word = self._joined(text, run) if len(run) >= 3 else None
            if word is None:
                yield from run
            else:
                first, last, token = word
                yield from (*run[:first], token, *run[last:])

    def _joined(self, text: str, run: Sequence[_Token]) -> tuple[int, int, _Token] | None:
        # A word on its own at either end, such as "I" or "u", is tried with and without.
        for first, last in ((0, len(run)), (1, len(run)), (0, len(run) - 1), (1, len(run) - 1)):
            readings = self._vocabulary.read("".join(text[t.start : t.end] for t in run[first:last]))
            if last - first >= 3 and readings:
                return first, last, _Token(run[first].start, run[last - 1].end, readings)
        return None


def _runs_of_letters(text: str, tokens: Sequence[_Token]) -> Iterator[Sequence[_Token]]:
    begin = 0
    for at in range(1, len(tokens) + 1):
        if at == len(tokens) or not _is_next_letter(text, tokens[at - 1], tokens[at]):
            yield tokens[begin:at]
            begin = at


def _is_next_letter(text: str, before: _Token, token: _Token) -> bool:
    gap = text[before.end : token.start]
    return before.end - before.start == token.end - token.start == 1 and len(gap) <= 3 and "\n" not in gap


def _grow(branch: _Branch, text: str, tokens: Sequence[_Token], at: int) -> Iterator[tuple[Term, int]]:
    """Yield the terms that begin with the token ``at``, each with the number of the token after it."""
    for word in tokens[at].readings:
        grown = branch.next.get(word)
        if grown is None:
            continue
        yield from ((term, at + 1) for term in grown.terms)
        follows = grown.next and at + 1 < len(tokens)
        if follows and _is_within_phrase(text[tokens[at].end : tokens[at + 1].start]):
            yield from _grow(grown, text, tokens, at + 1)


def _is_within_phrase(gap: str) -> bool:
    ends_clause = gap[:1] in (".", ",", "!", "?", ";", ":") and gap[1:2].isspace()
    return len(gap) <= 4 and "\n" not in gap and not ends_clause


def terms_of(name: str, phrases: Mapping[Severity, Iterable[str]]) -> Iterator[Term]:
    """Yield the terms of a list that is sorted by severity."""
    for severity, listed in phrases.items():
        yield from (Term(name, severity, words_of(phrase)) for phrase in listed)
