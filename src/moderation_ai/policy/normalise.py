"""Reading a text as people see it: one plain spelling, and for each of its letters the place it came from.

Compatibility forms are folded (NFKC), case is folded, accents on Latin letters and invisible characters are dropped,
and letters of other scripts that look Latin become Latin (compare Unicode UTS #39, confusables). What needs to know
words, such as digits for letters, is left to ``moderation_ai.policy.words``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from moderation_ai.core.decisions import Span

_SIMILAR = [
    "aаαɑᴀ",
    "bвβʙ",
    "cсϲᴄ",
    "dԁᴅđ",
    "eеεєᴇɛ",
    "fғƒ",
    "gɡɢ",
    "hнһհʜ",
    "iіιıɪɩӏ",
    "jјᴊ",
    "kкκᴋ",
    "lłʟ",
    "mмᴍ",
    "nпηոɴ",
    "oоοօᴏø",
    "pрρᴘ",
    "qԛ",
    "rʀ",
    "sѕꜱ",
    "tтτᴛ",
    "uսυᴜ",
    "vνᴠ",
    "wԝωᴡ",
    "xхχ",
    "yуγʏ",
    "zᴢζ",
]
_LATIN = {other: group[0] for group in _SIMILAR for other in group[1:]}
_LATIN |= {chr(first + i): chr(97 + i) for first in (0x1F150, 0x1F170) for i in range(26)}  # white on black

LOOK_ALIKE = re.compile("[" + "".join(c for c in _LATIN if "\u0370" <= c <= "\u058f") + "]", re.IGNORECASE)
"""A Greek, Cyrillic or Armenian letter that looks like a Latin one."""

INVISIBLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
"""Characters without a shape, as the inside of a regular expression's class."""

_OVERLAID = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
_DROPPED = re.compile(f"[{INVISIBLE}{_OVERLAID}\u00ad\U000e0000-\U000e0fff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# At most eight marks belong to a letter: putting endless marks into canonical order takes quadratic time.
_MARKS = f"[{_OVERLAID}\u3099\u309a]"
_CLUSTER = re.compile(f"[\x00-\x7f]+(?!{_MARKS})|(?s:.){_MARKS}{{0,8}}")
_LONGEST_FOLD = 8  # One character, U+FDFA, is a sentence of eighteen.


class Normalised:
    """A text in its plain spelling, with the way back to the original."""

    __slots__ = ("_ends", "_starts", "text")

    def __init__(self, text: str, starts: list[int] | None = None, ends: list[int] | None = None) -> None:
        """Keep the plain text; without ``starts`` and ``ends`` each letter stands where it stood."""
        self.text = text
        self._starts = starts
        self._ends = ends

    def span(self, start: int, end: int) -> Span:
        """Return where ``self.text[start:end]``, which is not empty, stands in the original."""
        if self._starts is None or self._ends is None:
            return Span(start, end)
        return Span(self._starts[start], self._ends[end - 1])


def without_surrogates(text: str) -> str:
    """Return ``text`` with each half of a broken pair replaced, so that it can be encoded; no place moves."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def normalise(text: str) -> Normalised:
    """Return the plain spelling of ``text`` in linear time."""
    if text.isascii():
        return Normalised(text.lower())
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        start, end = cluster.span()
        if cluster[0].isascii():
            letters.append(cluster[0].lower())
            starts += range(start, end)
            ends += range(start + 1, end + 1)
        else:
            plain = _fold(cluster[0])
            letters.append(plain)
            starts += [start] * len(plain)
            ends += [end] * len(plain)
    return Normalised("".join(letters), starts, ends)


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold())
    return "".join(_letter(letter) for letter in plain[:_LONGEST_FOLD])


def _letter(letter: str) -> str:
    if _DROPPED.match(letter):
        return ""
    base = unicodedata.normalize("NFD", letter)[0]
    if base.isascii():
        return base.lower()
    return _LATIN.get(letter) or _LATIN.get(base, letter)
