"""Wishes: what is wanted of a platform has an id of its own, and shows no secret."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from moderation_ai.core.subscribing import Wish

WISH = Wish(
    platform="youtube", url="https://hooks.example.org/webhook/youtube", topic="t", secret="hush", verify_token="still"
)


def test_the_same_wish_has_the_same_id_whatever_its_secret() -> None:
    assert WISH.id == structs.replace(WISH, secret="new", verify_token=None, events=("videos",)).id
    assert WISH.id.startswith("wh_")


@pytest.mark.parametrize(
    "other", [{"platform": "medium"}, {"url": "https://other.example"}, {"account": "shop"}, {"topic": "t2"}]
)
def test_another_platform_address_account_or_topic_is_another_wish(other: dict[str, Any]) -> None:
    assert structs.replace(WISH, **other).id != WISH.id


def test_a_wish_does_not_show_what_is_secret() -> None:
    assert repr(WISH) == "<Wish youtube: https://hooks.example.org/webhook/youtube>"
