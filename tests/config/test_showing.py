"""Showing: every value with where it came from, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_ai.config import MASK, all_settings, load, show


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_plain_setting_is_shown_with_its_origin() -> None:
    Path("moderation-ai.toml").write_text("[server]\nport = 9000\nallowed_ips = ['192.0.2.0/24']\n")
    environ = {"MODERATION_AI_CONSOLE__PORT": "9001"}
    shown = {
        row.name: (row.value, row.origin)
        for row in show(load(environ=environ, flags={"store.url": ("--store", "memory://")}))
    }
    assert set(shown) == {setting.name for setting in all_settings() if not setting.name.startswith("platforms.")}
    assert shown["server.port"] == (9000, "moderation-ai.toml:2")
    assert shown["server.allowed_ips"] == (["192.0.2.0/24"], "moderation-ai.toml:3")
    assert shown["console.port"] == (9001, "MODERATION_AI_CONSOLE__PORT")
    assert shown["store.url"] == ("memory://", "--store")
    assert shown["server.host"] == ("127.0.0.1", "default")


def test_below_platforms_what_is_set_is_shown_and_secrets_are_not() -> None:
    Path("moderation-ai.toml").write_text(
        """
[platforms.x]
secrets = ["hunter2", "hunter3"]
client_id = "7"
[platforms.x.accounts.main]
id = "1"
access_token = "hunter4"
[console]
token = "hunter5"
"""
    )
    rows = show(load(environ={}))
    assert [tuple(row) for row in rows if row.name.startswith("platforms.")] == [
        ("platforms.twitter.client_id", "7", "moderation-ai.toml:4"),
        ("platforms.twitter.secrets", [MASK, MASK], "moderation-ai.toml:3"),
        ("platforms.twitter.accounts.main.access_token", MASK, "moderation-ai.toml:7"),
        ("platforms.twitter.accounts.main.id", "1", "moderation-ai.toml:6"),
    ]
    assert "hunter" not in repr(rows)


def test_a_password_in_an_address_is_masked() -> None:
    rows = show(load(environ={"MODERATION_AI_SERVER__PUBLIC_URL": "https://us:hunter2@hooks.example.org"}))
    assert "hunter2" not in repr(rows)
    assert f"https://us:{MASK}@hooks.example.org" in repr(rows)
