import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.decisions import Signal
from moderation_ai.policy.engine import Engine
from moderation_ai.policy.normalise import normalise


def vegetables(engine: Engine, text: str) -> Signal:
    decision = engine.judge(text)
    return next(signal for signal in decision.signals if signal.name == "list.vegetables")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a turnip", "turnip"),
        ("TURNIP!", "TURNIP"),
        ("turnips", "turnips"),
        ("the turnip's leaf", "turnip"),
        ("#turnip", "turnip"),
        ("@turnip", "turnip"),
        ("big_turnip_soup", "turnip"),
        ("t u r n i p", "t u r n i p"),
        ("I t u r n i p u", "t u r n i p"),
        ("t.u.r.n.i.p", "t.u.r.n.i.p"),
        ("t_u-r*n/i.p", "t_u-r*n/i.p"),
        ("tuuuurrrrnip", "tuuuurrrrnip"),
        ("tu\u200brn\u200bip", "tu\u200brn\u200bip"),
        ("ｔｕｒｎｉｐ", "ｔｕｒｎｉｐ"),
        ("turnір", "turnір"),
        ("tu\u0301rnip\u0301", "tu\u0301rnip\u0301"),
        ("turn1p", "turn1p"),
        ("7urn!p", "7urn!p"),
        ("t*rn*p", "t*rn*p"),
        ("k@le", "k@le"),
        ("k4l3", "k4l3"),
        ("k4433l33 kaaaleee", "kaaaleee"),
        ("purple  carrot", "purple  carrot"),
        ("purple-carrot", "purple-carrot"),
        ("PurpleCarrot", "PurpleCarrot"),
        ("p u r p l e c a r r o t", "p u r p l e c a r r o t"),
        ("purple c a r r o t", "purple c a r r o t"),
        ("purp1e carr0ts", "purp1e carr0ts"),
        ("我喜欢白菜。", "白菜"),
    ],
)
def test_finds_a_listed_word_however_it_is_spelled(garden: Engine, text: str, seen: str) -> None:
    found = vegetables(garden, text)
    assert [text[span.start : span.end] for span in found.spans] == [seen]
    assert found.value == 1


@pytest.mark.parametrize(
    "text",
    [
        "turnipseed",
        "saturnip",
        "nip turn",
        "a purple. Carrot cake is good",
        "purple, carrot",
        "purple\ncarrot",
        "purple and carrot",
        "k.a.",
        "kal",
        "kalle",
        "k*l*s and k**",
        "S c u n t h o r p e",
        "12345678",
        "t u r n",
        "***",
    ],
)
def test_leaves_alone_what_only_resembles_a_listed_word(garden: Engine, text: str) -> None:
    assert vegetables(garden, text).value == 0


INNOCENT = """
    Scunthorpe and Penistone are towns; so are Lightwater, Clitheroe, Cockermouth, Essex, Sussex and Middlesex
    The assassin assessed the classic passage of the Bass Strait and assumed a class of assets
    Dickens, Hancock, Dick Van Dyke, Cockburn, Hitchcock, Babcock and Matsushita wrote to Mr Weiner
    A cocktail with a cockatoo, a peacock and a cocker spaniel in the cockpit; stopcock, woodcock
    Analysis of the canal, the analogue and the banal; titanic titles of the Constitution; a great tit and a blue tit
    Grape, drape, scrape and therapist; rapeseed oil; the rapper is rapping a parable on a rapid
    Swastika is no saltpetre; raccoon, cocoon, tycoon; Maine Coon; a chink in the armour; spic and span; spices
    The niggardly snigger of Nigeria and Niger; homogeneous homework by Homo sapiens; a fagotto is a bassoon
    Shitake, mishit, shih tzu; pushit.py; a hoe in the shed; document, circumstances, cucumber, accumulate, cum laude
    Skilled killer whales kill time; a dead line is a deadline; I could kill for a coffee; that joke kills me
    Exhibit an exhibition in Dorset; the sextet, the sexton, sextant and Sextus of Unisex; pornographs of Pornic
    Your rats are cute, your joke was great, your pig farm, your trash is collected on Monday
    You read about 3 a55 buses on the A55, h4 h5, 1st, 2nd, B52, mp3, C3PO, R2D2 and 455 other things
    Fuchs, Fukuoka, Phuket, Fuggerei, Kuntz, Bitcoin and Bitburg; the pitch, the stitch and the switch
    Arsenal arsenic and arsonist; a basement; an embassy; ambassador; harass; trespass; compass; Kansas; carcass
    Buttress butter, Buttons; pissarro; Mississippi; titration; Uranus; mammal; Gaylord; Isis is a river
    Please review my change, the system is up, follow the instructions, approve it when you can
    Chemistry test tomorrow at 10:30, order 4711-0815, ISBN 978-3-16-148410-0, 2024-01-08T10:30:00Z, 192.0.2.17
"""


@pytest.mark.parametrize("text", [line.strip() for line in INNOCENT.strip().splitlines()])
def test_the_default_policy_leaves_scunthorpe_alone(default: Engine, text: str) -> None:
    decision = default.judge(text, mode="enforce")
    found = {text[span.start : span.end] for finding in decision.findings for span in finding.spans}
    assert (decision.action, found) == ("approve", set())


DISGUISES = {
    "plain": lambda word: word,
    "capitals": str.upper,
    "fullwidth": lambda word: "".join(chr(ord(letter) + 0xFEE0) for letter in word),
    "zero width": "\u200b".join,
    "dotted": ".".join,
    "spaced": " ".join,
    "homoglyphs": lambda word: word.translate(str.maketrans("aeiopcy", "аеіорсу")),
    "leet": lambda word: word.translate(str.maketrans("aeiost", "43105t")),
    "stretched": lambda word: word.replace(word[1], word[1] * 4),
    "starred": lambda word: word[:2] + "*" + word[3:],
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("word", ["turnip", "kale"])
def test_keeps_its_recall_under_every_disguise(garden: Engine, word: str, disguise) -> None:
    text = f"you old {disguise(word)} there"
    found = vegetables(garden, text)
    assert [text[span.start : span.end] for span in found.spans] == [disguise(word)]


words = st.lists(
    st.sampled_from(["turnip", "t u r n i p", "purple carrot", "turnipseed", "ｋａｌｅ", ".", "x"]), max_size=9
)


@given(words)
def test_spans_slice_to_the_words_that_were_found(garden: Engine, parts: list[str]) -> None:
    text = " | ".join(parts)
    for span in vegetables(garden, text).spans:
        plain = re.sub(r"[^a-z]", "", normalise(text[span.start : span.end]).text)
        assert plain in ("turnip", "purplecarrot", "kale")


def test_counts_all_and_reports_some_places(garden: Engine) -> None:
    found = vegetables(garden, "kale " * 500)
    assert (found.value, len(found.spans)) == (500, 20)


def test_an_allowed_phrase_hides_what_lies_within_it(engine_for) -> None:
    engine = engine_for(
        "allow: [kale chips]\nlists: {greens: [kale]}\n"
        "rules: [{id: r, standard: policy, when: {signal: list.greens, gte: 1}}]"
    )
    assert not engine.judge("kale chips").findings
    assert engine.judge("kale chips and kale").findings[0].spans == ((15, 19),)
