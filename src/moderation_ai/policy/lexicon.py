"""The built-in word lists: small, English, and written for this project.

They are evidence for a rule, not a verdict: a list cannot tell a slur from a reclaimed or a quoted one, and it misses
hatred that uses no slur. What stands in _SLUR and _SEXUAL is shifted by thirteen letters, so that nobody has to
read it who came for the code: ``codecs.decode(text, "rot13")``.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from itertools import product

from moderation_ai.core.decisions import Severity
from moderation_ai.policy.words import Term, terms_of

VERSION = "2026.11.1"
"""Names the state of these lists in every decision; change it with them."""

Lists = Mapping[Severity, str]

_SLUR: Lists = {
    "high": """
        avttre, avttn cyrnfr, fnaq avttre, avtyrg, xvxr, fcvp, fcvpx, jrgonpx, ornare, puvax, tbbx, mvccreurnq,
        enturnq, gbjryurnq, pnzry wbpxrl, cnxv, pbba, wvtnobb, wvttnobb, cbepu zbaxrl, whatyr ohaal, fcrnepuhpxre,
        jbc, qntb, snttbg, snt, sntbg, shqtr cnpxre, genaal, furznyr, fhouhzna fphz, bira qbqtre, tnf gur wrjf,
        juvgr cbjre, urvy uvgyre, fvrt urvy, enpr genvgbe, zhmmvr, zhqfyvzr, fynag rlr, tlcfl fphz
    """,
    "medium": """
        avttn, ergneq, ergneqrq, shpxgneq, zbatbybvq, fvffl obl, unys oerrq, vasvqry fphz, srzvanmv
    """,
}
_SEXUAL: Lists = {
    "critical": """
        puvyq cbea, puvyqcbea, xvqqvr cbea, crqb cbea, pc yvaxf, pc genqr, haqrentr ahqrf, haqrentr cbea, grra
        ahqrf, wnvyonvg, ybyv cbea, cergrra frk, cergrra ahqrf, ybyvpba cbea
    """,
    "medium": """
        cbea, cbeab, cbeauho, kkk ivqrb, oybjwbo, oybj wbo, unaqwbo, unaq wbo, phzfubg, wvmm, qvyqb, znfgheongr,
        znfgheongvat, znfgheongvba, wrex bss, wrexvat bss, jnax, jnaxvat, tnatonat, pernzcvr, qrrcguebng, qrrc
        guebng, evzwbo, nany frk, beny frk, uneqpber frk, frk pung, frkpnz, frk pnz, pnztvey, pnz tvey, fraq ahqrf,
        fraq zr ahqrf, ahqr cvpf, qvpx cvp, fhpx zl qvpx, fhpx zl pbpx, rng zl chffl, jrg chffl, uragnv, zvys,
        ohxxnxr, rfpbeg freivpr, ubbx hc gbavtug, shpx ohqql, guerrfbzr, ubeal
    """,
    "low": """
        phz, phzzvat, ahqr, ahqrf, obbof, gvgf, gvggvrf, chffl, pbpx fhpxvat, baylsnaf, betnfz, rerpgvba, obbgl
        pnyy, frkgvat, srgvfu
    """,
}
_THREAT: Lists = {
    "critical": """
        i will kill you, i'll kill you, ill kill you, i will murder you, i'm going to kill you, im going to kill you,
        i am going to kill you, gonna kill you, i will find you and kill you, i will shoot you, i'm going to shoot you,
        gonna shoot you, i will stab you, i'll stab you, i will rape you, i'll rape you, gonna rape you,
        i will kill your family, i know where you live, i will burn your house, i will bomb, gonna bomb,
        shoot up the school, shoot up a school, shoot up your school, kill all jews, kill all muslims,
        kill all blacks, kill all whites, kill all gays, kill all women, kill them all, death to all jews,
        death to all muslims
    """,
    "high": """
        kill yourself, kill your self, kill urself, go kill yourself, kys, go hang yourself, hang yourself,
        shoot yourself, slit your wrists, drink bleach, you should die, you deserve to die, you need to die,
        hope you die, i hope you get raped, hope you get cancer, hope you get raped, go die, die in a fire,
        watch your back, you will pay for this, you're dead meat, beat the shit out of you, smash your face,
        bash your head in, break your legs, cut your throat, slit your throat, put a bullet in your head, lynch you
    """,
}
_SELFHARM: Lists = {
    "high": """
        i want to die, just want to die, wanna die, want to kill myself, wanna kill myself, going to kill myself,
        gonna kill myself, i will kill myself, i'll kill myself, end my life, end my own life, take my own life,
        ending it all, end it all, i am suicidal, i'm suicidal, im suicidal, feeling suicidal, cut myself,
        cutting myself, hurt myself, harm myself, hang myself, overdose on pills,
        no reason to live, don't want to live anymore,
        better off without me, better off dead, commit suicide, thinking about suicide, thinking of suicide
    """,
}
_INSULT: Lists = {
    "high": """
        fuck you, fuck u, go fuck yourself, fuck off, piece of shit, pieces of shit, worthless piece of, fucking idiot,
        fucking moron, fucking retard, stupid bitch, fucking bitch, dumb bitch, stupid cunt, fucking cunt, motherfucker,
        mother fucker, cocksucker, waste of oxygen, waste of space, waste of skin, eat shit, human garbage,
        shut the fuck up, son of a bitch, nobody likes you, everyone hates you, you make me sick, scum of the earth
    """,
    "low": """
        fuck, fucking, fucked, fucker, shit, shitty, bullshit, ass, asshole, arsehole, bastard, bitch, bitches, cunt,
        whore, slut, skank, twat, wanker, prick, dickhead, dumbass, jackass, douchebag, scumbag, idiot, moron, imbecile,
        dumbfuck, shithead, loser, stupid, scum, trash human, crap, stfu, gtfo, degenerate
    """,
}
_NAMES = """
    idiot, moron, imbecile, cretin, loser, asshole, arsehole, bastard, bitch, cunt, whore, slut, twat, wanker, prick,
    dickhead, dumbass, jackass, douchebag, scumbag, shithead, pervert, retard
"""
_FIGURES = """
    clown, pig, rat, scum, disgrace, failure, joke, liar, coward, creep, freak, parasite, vermin, garbage, trash,
    stupid, pathetic, disgusting, worthless, retarded, ugly, brain dead
"""
_DEGREES = "a, an, such a, such an, a fucking, a stupid, fucking, just a, nothing but a, so, so fucking"
_INSULTING = (
    # to be called a name, or, of those that are also plain words, to be said to be one
    ("you are, you're, youre, u r, u are", f"{_DEGREES},", f"{_NAMES}, {_FIGURES}"),
    ("your, ur", _DEGREES, f"{_NAMES}, {_FIGURES}"),
    ("you, u, ya", ", fucking, stupid, dumb, dirty, little, absolute", _NAMES),
)

_ALLOWED = """
    chink in, chinks in, spic and span, maine coon, maine coons, cum laude, kill yourself laughing, your ass off,
    my ass off, piece of shit car, holy shit, bad ass, kick ass
"""
"""What hides a hit that lies within it."""

CATEGORIES = ("insult", "selfharm", "sexual", "slur", "threat")


def builtin_terms() -> Iterator[Term]:
    """Yield the terms of all built-in lists."""
    for name, lists in (("slur", _SLUR), ("sexual", _SEXUAL)):
        yield from terms_of(f"lexicon.{name}", {s: split(codecs.decode(t, "rot13")) for s, t in lists.items()})
    for name, lists in (("threat", _THREAT), ("selfharm", _SELFHARM), ("insult", _INSULT)):
        yield from terms_of(f"lexicon.{name}", {s: split(t) for s, t in lists.items()})
    yield from terms_of("lexicon.insult", {"medium": _addressed_insults()})


def allowed_phrases() -> list[str]:
    """Return the phrases that hide what lies within them."""
    return split(_ALLOWED)


def split(lists: str) -> list[str]:
    """Return the phrases of a text that separates them by commas."""
    return [phrase.strip() for phrase in lists.split(",")]


def _addressed_insults() -> Iterator[str]:
    for table in _INSULTING:
        yield from (" ".join(words) for words in product(*map(split, table)))
