"""Which address is meant, which handler takes what, and which name stands for which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.core.routing import is_name, read_path, resolve_name, takes


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/webhook", (None, None)),
        ("/webhook/", (None, None)),
        ("/webhook/twitter", ("twitter", None)),
        ("/webhook/Twitter/", ("twitter", None)),
        ("/webhook/twitter/My-Shop_1.x", ("twitter", "My-Shop_1.x")),
        *(
            (path, None)
            for path in ("/", "", "/webhooks", "/webhook/a/b/c", "/webhook//a", "/webhook/../x", "/webhook/é")
        ),
        *(
            (path, None)
            for path in ("/webhook/a b", "/webhook/" + "x" * 65, "/webhook/a\n", "webhook/a", "/x/webhook/a")
        ),
    ],
)
def test_reads_the_platform_and_account_of_a_path(path: str, found: tuple[str | None, str | None] | None) -> None:
    assert read_path(path) == found


def test_reads_paths_below_any_endpoint() -> None:
    assert read_path("/in/x/twitter", "/in/x/") == ("twitter", None)
    assert read_path("/twitter", "/") == ("twitter", None)


@pytest.mark.fuzz
@given(path=st.text(max_size=40), endpoint=st.text(max_size=10))
def test_answers_any_path(path: str, endpoint: str) -> None:
    found = read_path(path, endpoint)
    assert found is None or all(part is None or is_name(part) for part in found)


@pytest.mark.parametrize(
    ("pattern", "event_type", "does"),
    [
        ("comment.created", "comment.created", True),
        ("comment.created", "comment.updated", False),
        ("comment.*", "comment.updated", True),
        ("comment.*", "comments.updated", False),
        ("comment.*", "comment", False),
        ("*", "anything", True),
        ("comment", "comment.created", False),
    ],
)
def test_gives_a_handler_what_it_is_registered_for(pattern: str, event_type: str, does: bool) -> None:
    assert takes(pattern, event_type) is does


def test_resolves_names_and_aliases_in_any_case() -> None:
    assert [resolve_name(name, {"x": "twitter"}) for name in ("X", "Twitter", "other")] == [
        "twitter",
        "twitter",
        "other",
    ]
