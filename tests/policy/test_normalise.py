import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.policy.normalise import normalise, without_surrogates

any_text = st.text(st.characters(codec=None) | st.sampled_from("аеоѕ\u200b\u0301ﬃＡ🅰ß\ufdfa\ud800\u00ad"), max_size=60)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Turnip", "turnip"),
        ("ＴＵＲＮＩＰ", "turnip"),
        ("𝓽𝓾𝓻𝓷𝓲𝓹", "turnip"),
        ("ⓣⓤⓡⓝⓘⓟ", "turnip"),
        ("🅃🅄🅁🄽🄸🄿", "turnip"),
        ("🆃🆄🆁🅽🅸🅿", "turnip"),
        ("ᴛᴜʀɴɪᴘ", "turnip"),
        ("tu\u200br\u2060n\ufeffip", "turnip"),
        ("tur\u00adnip", "turnip"),
        ("t̸u̷r̶n̵i̴p̨", "turnip"),
        ("τυгոір", "tuгnip"),
        ("tüŗñíp", "turnip"),
        ("Straße", "strasse"),
        ("eﬃcient", "efficient"),
        ("İstanbul", "istanbul"),
        ("が", "が"),
        ("한국어", "한국어"),
        ("हिन्दी", "हिन्दी"),
        ("", ""),
    ],
)
def test_folds_to_what_people_see(written: str, plain: str) -> None:
    assert normalise(written).text == plain


@given(any_text)
def test_every_plain_letter_knows_its_place_in_the_original(text: str) -> None:
    plain = normalise(text)
    spans = [plain.span(at, at + 1) for at in range(len(plain.text))]
    for at, span in enumerate(spans):
        assert 0 <= span.start < span.end <= len(text)
        assert plain.text[at] in normalise(text[span.start : span.end]).text
    assert spans == sorted(spans)


@given(any_text)
def test_a_span_of_several_letters_slices_to_what_was_read(text: str) -> None:
    plain = normalise(text)
    if plain.text:
        span = plain.span(0, len(plain.text))
        assert normalise(text[span.start : span.end]).text == plain.text


@given(any_text)
def test_surrogates_are_replaced_without_moving_anything(text: str) -> None:
    clean = without_surrogates(text)
    assert len(clean) == len(text)
    clean.encode("utf-8")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["a\u0323\u0301", "\u0301\u0323", "\ufdfa", "\ud800", "e\u200d"])
def test_takes_linear_time_over_what_is_meant_to_be_slow(piece: str) -> None:
    assert len(normalise(piece * 200_000).text) <= 200_000 * 8
