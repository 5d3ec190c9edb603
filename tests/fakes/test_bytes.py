"""Whatever is asked of a fake, it answers."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.errors import UnknownPlatform
from moderation_ai.core.http import Headers
from moderation_ai.fakes import find_fake
from moderation_ai.fakes.replies import say
from tests.fakes.stage import NAMES, PLAYED, Stage, values_of

FAKES = {name: find_fake(name, times=1e9) for name in PLAYED}
KNOWN = {name: FAKES[name].write("Too salty.") for name in PLAYED}
CALLS = [(name, call) for name in PLAYED for call in FAKES[name].platform.api.calls]
TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
FIELDS = st.lists(st.tuples(st.binary(max_size=20).map(bytes.lower), st.binary(max_size=30)), max_size=4)


@given(st.sampled_from(PLAYED), TEXTS, TEXTS, FIELDS, st.binary(max_size=200))
def test_any_bytes_are_answered(
    name: str, method: str, url: str, fields: list[tuple[bytes, bytes]], body: bytes
) -> None:
    reply, fault = FAKES[name].handle(method, url, Headers(fields), body)
    assert 200 <= reply.status < 600
    assert fault is None


@given(st.sampled_from(CALLS), st.data())
def test_any_values_of_any_call_are_answered(which: tuple, data: st.DataObject) -> None:  # type: ignore[type-arg]
    name, call = which
    fake = FAKES[name]
    odd = {
        field.name: data.draw(JSON if field.place == "json" else TEXTS)
        for field in call.fields
        if not field.only and data.draw(st.booleans())
    }
    known = st.sampled_from([KNOWN[name].id, KNOWN[name].post_id, KNOWN[name].author_id, fake.account, "breadmakers"])
    real = {field.name: data.draw(known) for field in call.fields if not field.only and field.kind == "text"}
    in_path = {part: data.draw(known | TEXTS.filter(bool)) for part in call.in_path if part != "host"}
    values = {**values_of(call), **real, **odd, **in_path}
    path = call.url
    for name_ in call.in_path:
        path = path.replace("{" + name_ + "}", quote(str(values[name_]), safe="", errors="replace"))
    query = "&".join(
        f"{f.name}={quote(str(values[f.name]), errors='replace')}" for f in call.fields if f.place == "query"
    )
    form = "&".join(
        f"{f.name}={quote(str(values[f.name]), errors='replace')}" for f in call.fields if f.place == "form"
    )
    tree: dict[str, object] = {}
    for field in call.fields:
        if field.place == "json":
            tree[field.name] = values[field.name]
    headers = {"Authorization": f"Bearer {fake.session.access_token}", "Access-Token": fake.session.access_token}
    body = form.encode() or (json.dumps(tree).encode("utf-8", "replace") if tree else b"")
    reply, _ = fake.handle(call.method, f"{path}?{query}", Headers.of(headers), body)
    assert 200 <= reply.status < 600


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_call_is_answered_as_the_platform_does_and_told(name: str) -> None:
    with Stage(name).served() as stage:
        connection = http.client.HTTPConnection("127.0.0.1", int(stage.served_url.rpartition(":")[2]), timeout=60)
        connection.request("PATCH", "/nothing?here", headers={"Host": stage.fake.platform.hosts[0]})
        answer = connection.getresponse()
        assert (answer.status, name) in [(200, "tiktok"), (400, "instagram"), (404, name)]
        assert json.loads(answer.read())
        connection.close()
        assert stage.fake.misunderstood == ["no call has this method and address"]


def test_a_number_without_end_is_no_number() -> None:
    url = "https://oauth.reddit.com/r/breadmakers/api/friend/"
    body = f"api_type=json&type=banned&name=x&duration={'9' * 5000}".encode()
    reply, _ = FAKES["reddit"].handle("POST", url, Headers(), body)
    assert reply.status == 400


def test_there_is_no_fake_of_a_platform_without_an_api() -> None:
    with pytest.raises(UnknownPlatform, match="there are: instagram, medium, reddit"):
        find_fake("generic")


def test_half_a_character_is_answered_as_it_was_written() -> None:
    assert say({"text": "salt \ud83d"}).body == rb'{"text":"salt \ud83d"}'
