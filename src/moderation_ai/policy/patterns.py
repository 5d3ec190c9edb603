"""Patterns over texts, all of them RE2's, so that no pattern and no text can take more than linear time.

The built-in ones read the normalised text. A policy's own are tried on both, the text as it was written and its
normalised form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import re2

from moderation_ai.core.errors import ConfigurationError

MOST_HITS = 50
"""Hits of one pattern that are looked for: each costs at most one walk over the text."""
LONGEST_PATTERN = 1000

CTA = r"""
promote   \b(?:check (?:it |this |me |us )?out|visit) (?:my|our)\b|\bcheck (?:me|us) out on\b
promote   \bcheck out (?:this|the) (?:\w+ ){0,3}(?:channel|video|page|site|website|playlist|blog|store|shop)s?\b
promote   \b(?:my (?:\w+ )?channel|small youtuber|new (?:to|on) youtube)\b
subscribe \b(?:subscribe|sub) (?:to )?(?:me|my|our|us|back|for more)\b|\bsub ?(?:4|for) ?sub\b|^\W*subscribe\W*$
subscribe \b(?:please|pls+|plz+) (?:subscribe|sub|follow|share|vote)\b|\b\d{2,} (?:new )?subscribers\b
follow    \bfollow (?:me on|my|us|our|back)\b|\bfollow ?(?:4|for) ?follow\b|\badd me on\b|\blike my (?:page|photo)s?\b
link      \b(?:click|tap|visit) (?:on )?(?:the |this |my |our )links?\b|\bclick (?:here|below)\b
link      \blinks? in (?:my |the )?(?:bio|profile|description)\b
contact   \b(?:whats ?app|telegram|text|dm|inbox|message|contact|e-?mail) (?:me|us|him|her) (?:up )?(?:on|at|via)\b
contact   \b(?:whats ?app|telegram)\b.{0,12}\+?\d{6,}
earn      \b(?:earn|make|making|earning|get paid)\b.{0,24}[$€£] ?\d.{0,16}\b(?:day|daily|week|month|hour|online)\b
earn      \b(?:earn|make|making|earning)\b.{0,24}\b(?:money (?:online|from home|fast|easily)|extra (?:cash|income))\b
earn      \bwork (?:from|at) home\b|\bhome ?based (?:job|business)\b|\bpassive income\b|\bfinancial freedom\b
invest    \b(?:forex|binary options?|crypto|bitcoin|btc|trading)\b.{0,40}\b(?:signals?|mentor|giveaway)\b
invest    \b(?:forex|crypto|bitcoin|btc|trading|investment)\b.{0,40}\bguaranteed (?:profits?|returns?)\b
invest    \bdouble your (?:money|bitcoin|btc|crypto|investment)\b
free      \bfree (?:gift ?cards?|iphones?|ipads?|followers|likes|subscribers|views|robux|v-?bucks|bitcoin|btc)\b
free      \bfree (?:leads|traffic|entry|ringtones?|minutes|msgs?|texts?|camera phone|vouchers?)\b
prize     \b(?:you|u)(?:'ve| have)? (?:just |been |be )?(?:won (?:a|an|our|£|\$)|selected (?:to|for)|awarded)\b
prize     \bclaim (?:your|ur|code|call)\b|\b(?:prize|cash|award)s? (?:guaranteed|draw)\b|\bguaranteed \W?\d
offer     \b(?:limited time offer|act now|order now|promo code|discount code|special offer|risk[- ]free)\b
goods     \b(?:cheap|buy|order) (?:\w+ ){0,2}(?:viagra|cialis|followers|likes|replicas?|essays?)\b
goods     \bonline casino\b|\bcasino bonus\b|\bfree spins\b|\bfixed matches\b
vote      \bvote for (?:me|us|my)\b|\bhelp (?:me|us) (?:get|reach) \d|\bplease share (?:this|my)\b
vote      \bgive (?:me|us|my \w+) a (?:chance|listen|thumbs up|like)\b|\bthumbs up (?:this|so)\b
sms       \b(?:txt|text|reply|send) \w{2,10} to \d{4,}|\b(?:stop|unsub) to \d{4,}|\d ?p(?:er)? ?/? ?(?:msg|min|wk)\b
"""
"""Calls to action that spam is made of, by kind."""

INJECTION = r"""
ignore  \b(?:ignore|disregard|forget|override|bypass) (?:\w+ ){0,3}(?:instruction|prompt|guideline|direction)s?\b
ignore  \b(?:ignore|disregard|override|bypass) (?:all |your |the )*(?:previous|prior|above|moderation) (?:rules|polic)
role    (?m)^\s*(?:system|assistant|developer) ?(?:prompt|message)? ?:
role    <\|?/?(?:im_start|im_end|system|assistant|endoftext)\|?>|\[/?inst\]
prompt  \b(?:your|reveal the|print the|show the) (?:hidden |initial |full )?system prompt\b
prompt  \byou are now (?:in )?(?:a |an |the )?(?:dan|developer mode|jailbroken|unrestricted)\b
verdict \b(?:approve|mark|classify|label|rate) (?:this|the following) (?:comment|message|text|post|content) as\b
verdict \bmoderation[-_ ]policy/\d|"(?:action|verdict|decision)" ?: ?"|"flagged" ?: ?false
model   \bas an? (?:ai|(?:large )?language) (?:language )?model,? (?:you|i) (?:must|should|will)\b
model   \b(?:respond|reply|answer) only with\b
"""
"""Attempts to talk to a model that judges, by kind."""

PHONE = r"""
plus    \+\d{1,3}[ .\-/]?(?:\(\d{1,4}\)|\d)[\d .\-/]{6,13}\d
parens  \(\d{3}\) ?\d{3}[ .\-]\d{4}\b
dashed  \b\d{3}[.\-]\d{3}[.\-]\d{4}\b
long    \b0[789]\d{8,9}\b
"""

LINK = r"""
scheme  \b(?:https?|ftp|hxxps?)://[^\s<>"]{2,}
www     \bwww\.[^\s<>"]{3,}
path    \b[a-z0-9][a-z0-9\-]{0,62}(?:\.[a-z0-9\-]{1,63}){0,4}\.[a-z]{2,6}/[^\s<>"]+
bare    \b[a-z0-9][a-z0-9\-]{0,62}(?:\.[a-z0-9\-]{1,63}){0,4}\.(?:com|net|org|info|biz|xyz|top|shop|online|ru)\b
"""
"""Addresses of the web; without a scheme only those that are hardly ever a missing space after a full stop."""


class Match(NamedTuple):
    """Where a pattern matched, and which kind of it."""

    start: int
    end: int
    kind: str


class Kinds:
    """A table of patterns by kind, searched in one walk."""

    def __init__(self, table: str) -> None:
        """Compile the table, each line a kind and a pattern."""
        lines = [line.split(None, 1) for line in table.strip().splitlines()]
        self._kinds = [kind for kind, _ in lines]
        self._pattern = re2.compile("|".join(f"({pattern.strip()})" for _, pattern in lines), _options())

    def find(self, text: str) -> list[Match]:
        """Return the matches in ``text``, at most ``MOST_HITS``."""
        found = islice(self._pattern.finditer(text), MOST_HITS)
        return [Match(m.start(), m.end(), self._kinds[m.lastindex - 1]) for m in found if m.end() > m.start()]


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return the pattern compiled by RE2, or raise ``ConfigurationError`` that says what is wrong with it."""
    if len(pattern) > LONGEST_PATTERN:
        raise ConfigurationError(f"the pattern is longer than {LONGEST_PATTERN} characters; make a list of it")
    try:
        return re2.compile(pattern, _options())
    except (re2.error, UnicodeError) as error:
        raise ConfigurationError(f"RE2 does not accept this pattern: {_cause(error)}") from error


def find(pattern: str, text: str) -> Iterator[Match]:
    """Yield where ``pattern`` matches in ``text``, at most ``MOST_HITS`` times; empty matches do not count."""
    found = islice(compiled(pattern).finditer(text), MOST_HITS)
    return (Match(match.start(), match.end(), "") for match in found if match.end() > match.start())


def host_of(link: str) -> str:
    """Return the host that a matched link leads to, without ``www.`` and what else surrounds it."""
    rest = re.split(r"[/?#\\]", link.rpartition("://")[2], maxsplit=1)[0]
    host = rest.rpartition("@")[2].partition(":")[0].strip(".,;!)('*")
    return host.removeprefix("www.")


def is_under(host: str, domain: str) -> bool:
    """Say whether ``host`` is ``domain`` or lies below it."""
    return host == domain or host.endswith("." + domain)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _cause(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    return cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
