"""What is shown of a store's URL: all but what opens the store."""

from __future__ import annotations

import pytest

from moderation_ai.stores.urls import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://us:pw@host:5432/db", "postgresql://us:********@host:5432/db"),
        ("postgresql://us:p@w@host/db", "postgresql://us:********@host/db"),
        ("postgresql://us:p/w:x@host/db", "postgresql://us:********@host/db"),
        ("postgresql:/us:pw@host/db", "postgresql:/us:********@host/db"),
        ("postgresql://us@host/db?password=pw&x=1", "postgresql://us@host/db?password=********&x=1"),
        ("postgresql://h/db?passwd=pw&sslpassword=pw", "postgresql://h/db?passwd=********&sslpassword=********"),
        (
            "postgresql://us:pw@a/db and postgresql://us:pw@b/db",
            "postgresql://us:********@a/db and postgresql://us:********@b/db",
        ),
    ],
)
def test_shows_no_password_however_a_url_is_spelt(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/m.db", "postgresql://us@host:5432/db", "https://host:8443/a/b?c=d", "memory://", ""]
)
def test_shows_what_holds_no_password_as_it_is(url: str) -> None:
    assert without_password(url) == url
