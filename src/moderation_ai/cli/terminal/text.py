"""Text for people: what strangers wrote must not steer a terminal or forge a line of a log."""

from __future__ import annotations

import json
import unicodedata

_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of letters that are shown escaped: controls, marks that turn the direction, halves of pairs, breaks."""
_JOINERS = "\u200c\u200d"
"""What joins letters and emoji into one picture does no harm."""


def plain(text: str) -> str:
    """Return ``text`` on one line, with what is no visible letter escaped as Python writes it."""
    if text.isprintable():
        return text
    return "".join(letter if _is_safe(letter) else _escaped(letter) for letter in text)


def _is_safe(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _UNSAFE


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def plain_json(line: bytes) -> bytes:
    """Return a line of JSON that says the same, with what is no visible letter escaped as JSON writes it."""
    text = line.decode()
    if text.isprintable():
        return line
    return "".join(letter if _is_safe(letter) else _json_escaped(letter) for letter in text).encode()


def _json_escaped(letter: str) -> str:
    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]


def shortened(text: str, width: int) -> str:
    """Return ``text`` cut to ``width`` letters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
