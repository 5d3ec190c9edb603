"""Credentials: what the configured platforms are verified by, and which configuration is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_ai.config import load, require_platforms, sources_of
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential
from moderation_ai.core.pubsub import Pubsub


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def credentials(text: str) -> dict[str, Credential]:
    Path("c.toml").write_text(text)
    return {name: credential for name, (_, credential) in sources_of(load("c.toml", environ={}).settings).items()}


def test_a_platform_has_what_its_section_says() -> None:
    found = credentials(
        """
        [platforms.x]
        secrets = ["new", "old"]
        generic = true
        timestamp_signed = true
        [platforms.youtube]
        secrets = "hub"
        topics = ["https://www.youtube.com/feeds/videos.xml?channel_id=UC1"]
        """
    )
    assert found == {
        "twitter": Credential(secrets=("new", "old"), generic=True, timestamp_signed=True),
        "youtube": Credential(secrets=("hub",), topics=("https://www.youtube.com/feeds/videos.xml?channel_id=UC1",)),
    }


def test_the_platform_itself_stands_beside_its_credential() -> None:
    Path("c.toml").write_text('[platforms.x]\nsecrets = "s"\n')
    platform, _ = sources_of(load("c.toml", environ={}).settings)["twitter"]
    assert platform.name == "twitter"


def test_accounts_share_their_platforms_secret_unless_they_have_their_own() -> None:
    found = credentials(
        """
        [platforms.instagram]
        secrets = "shared"
        verify_token = "vt"
        [platforms.instagram.accounts.brand]
        id = "1"
        [platforms.instagram.accounts.shop]
        id = "2"
        [platforms.instagram.accounts.Own]
        id = "3"
        secrets = ["own"]
        [platforms.instagram.accounts.other]
        secrets = ["other"]
        verify_token = "ovt"
        """
    )
    assert found == {
        "instagram": Credential(secrets=("shared",), verify_token="vt", accounts={"1": "brand", "2": "shop"}),
        "instagram/Own": Credential(name="Own", secrets=("own",), verify_token="vt", accounts={"3": "Own"}),
        "instagram/other": Credential(name="other", secrets=("other",), verify_token="ovt"),
    }


def test_a_platform_whose_accounts_all_have_secrets_needs_none_itself() -> None:
    found = credentials('[platforms.instagram.accounts.own]\nsecrets = "own"\n')
    assert list(found) == ["instagram/own"]


@pytest.mark.parametrize(
    "text",
    [
        "[platforms.instagram]\n",
        "[platforms.instagram]\nsecrets = []\n",
        '[platforms.instagram]\nverify_token = "vt"\n',
        "[platforms.instagram]\nallow_unverified = false\n",
        '[platforms.instagram.accounts.shared]\nid = "1"\n',
        '[platforms.instagram.accounts.a]\nsecrets = "own"\n[platforms.instagram.accounts.b]\nid = "1"\n',
    ],
)
def test_a_platform_without_a_secret_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        credentials(text)
    assert "platforms.instagram has no secret" in str(caught.value)
    assert "MODERATION_AI_PLATFORMS__INSTAGRAM__SECRETS" in str(caught.value)
    assert "allow_unverified = true" in str(caught.value)


PUBSUB = '[platforms.youtube.pubsub]\naudience = "us"\nservice_account = "p@x.example"\n'


def test_tokens_of_pubsub_may_stand_in_place_of_a_secret() -> None:
    trust = Pubsub(audience="us", service_account="p@x.example", keys_url="https://www.googleapis.com/oauth2/v3/certs")
    assert credentials(PUBSUB) == {"youtube": Credential(pubsub=trust)}
    elsewhere = credentials(PUBSUB + 'jwks_url = "http://127.0.0.1:8000/keys.json"\n')["youtube"].pubsub
    assert elsewhere is not None
    assert elsewhere.keys_url == "http://127.0.0.1:8000/keys.json"


def test_what_is_let_in_by_tokens_is_not_unverified() -> None:
    found = credentials("[platforms.youtube]\nallow_unverified = true\n" + PUBSUB)
    assert not found["youtube"].allow_unverified


def test_tokens_of_pubsub_open_no_address_of_an_account() -> None:
    found = credentials(PUBSUB + '[platforms.youtube.accounts.shop]\nsecrets = "own"\n')
    assert found["youtube/shop"].pubsub is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[platforms.youtube.pubsub]\naudience = "us"\n', "needs service_account too"),
        ('[platforms.youtube.pubsub]\nservice_account = "p@x.example"\n', "PLATFORMS__YOUTUBE__PUBSUB__AUDIENCE"),
        ('[platforms.youtube.pubsub]\njwks_url = "https://k.example/"\n', "needs audience too"),
        (PUBSUB.replace("youtube", "medium"), "brings nothing to this platform"),
        (PUBSUB + 'jwks_url = "http://k.example/keys"\n', "is not encrypted"),
        (PUBSUB + 'jwks_url = "ftp://k.example/keys"\n', "is no address"),
    ],
)
def test_half_a_trust_in_pubsub_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        credentials(text)


def test_unverified_must_be_allowed_by_name() -> None:
    found = credentials("[platforms.instagram]\nallow_unverified = true\n")
    assert found == {"instagram": Credential(allow_unverified=True)}


def test_a_secret_that_is_there_is_used_even_where_unverified_is_allowed() -> None:
    found = credentials('[platforms.instagram]\nsecrets = "s"\nallow_unverified = true\n')
    assert found == {"instagram": Credential(secrets=("s",))}


def test_two_accounts_of_one_id_are_refused() -> None:
    text = '[platforms.instagram]\nsecrets = "s"\naccounts.a.id = "1"\naccounts.b.id = "1"\n'
    with pytest.raises(ConfigurationError, match=r"'a' and 'b' of instagram have the same id"):
        credentials(text)


def test_nothing_configured_is_said_to_be_nothing() -> None:
    with pytest.raises(ConfigurationError, match="no platform is configured"):
        require_platforms(load(environ={}).settings)
