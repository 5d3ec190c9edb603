"""Variables: how their text is read, whose names they are, and what is said of one that sets nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moderation_ai.config import Settings, load, sources_of
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.platform import Credential
from moderation_ai.core.pubsub import PushKey
from moderation_ai.core.sources import Source
from moderation_ai.platforms import find_platform

PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(**environ: str) -> Settings:
    return load(environ={f"MODERATION_AI_{name}": text for name, text in environ.items()}).settings


def refusal(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(**environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("plain", ("plain",)),
        ('["new", "old"]', ("new", "old")),
        (' ["new"]\n', ("new",)),
        ("[]", ()),
        ("[half", ("[half",)),
        ("[1, 2]", ("[1, 2]",)),
        ('["a", 1]', ('["a", 1]',)),
        ('{"key": "value"}', ('{"key": "value"}',)),
        ('"quoted"', ('"quoted"',)),
        ("123456", ("123456",)),
        ("true", ("true",)),
        ("null", ("null",)),
        ("a,b", ("a,b",)),
        (" spaces stay ", (" spaces stay ",)),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)),
        (PEM, (PEM,)),
    ],
)
def test_secrets_are_one_text_or_a_json_list_of_texts(text: str, secrets: tuple[str, ...]) -> None:
    assert settings(PLATFORMS__INSTAGRAM__SECRETS=text).platforms["instagram"].secrets == secrets


@pytest.mark.parametrize("text", ['["a","b"]', "[1]", "true", "5", "{}"])
def test_a_text_that_looks_like_json_stays_a_text(text: str) -> None:
    assert settings(PLATFORMS__INSTAGRAM__VERIFY_TOKEN=text).platforms["instagram"].verify_token == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("TRUE", True), ("yes", True), ("on", True), ("1", True), ("false", False), ("0", False)],
)
def test_yes_and_no_have_their_usual_spellings(text: str, value: bool) -> None:
    assert settings(PLATFORMS__INSTAGRAM__GENERIC=text).platforms["instagram"].generic is value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SERVER__PORT", "eighty", "'eighty' is no whole number"),
        ("SERVER__PORT", "8080.5", "is no whole number"),
        ("SERVER__PORT", "８０８０", "is no whole number"),
        ("SERVER__PORT", "70000", "70000 is no port"),
        ("SERVER__PORT", "-1", "-1 is no port"),
        ("SERVER__HOST", "my host", "no address to listen on"),
        ("SERVER__MAX_BODY", "0", "write 1 at least"),
        ("SERVER__ENDPOINT", "webhook", "write one such as /webhook"),
        ("SERVER__ENDPOINT", "/", "is no path"),
        ("SERVER__ENDPOINT", "/webhook/", "is no path"),
        ("SERVER__PUBLIC_URL", "hooks.example.org", "write one such as https://"),
        ("SERVER__PUBLIC_URL", "https://[::1", "write one such as https://"),
        ("SERVER__ALLOWED_IPS", "example.org", "is no IP address or network"),
        ("SERVER__ALLOWED_IPS", "192.0.2.1,192.0.2.2", 'a list is written ["192.0.2.0/24"'),
        ("SERVER__TRUSTED_PROXIES", '["10.0.0.0/99"]', "is no IP address or network"),
        ("PLATFORMS__INSTAGRAM__GENERIC", "maybe", "'maybe' is neither true nor false"),
        ("RETRIES__FIRST", "soon", "'soon' is no number"),
        ("RETRIES__FIRST", "nan", "is no number"),
        ("RETRIES__LONGEST", "inf", "is no number"),
        ("RETRIES__JITTER", "2", "write 0 at least and 1 at most"),
        ("RETRIES__MAX_ATTEMPTS", "0", "write 1 at least"),
        ("HANDLERS__IMPORT", "inbox", "write package.module:name"),
        ("POLICY__FILE", "nowhere.yaml", "there is no file 'nowhere.yaml'"),
        ("STORE__URL", "mysql://x", "is not understood"),
        ("INBOX__URL", "nats://x", "not there yet"),
        ("PLATFORMS__INSTAGRAM__SECRETS", '["a", ""]', "an empty text"),
        ("PLATFORMS__INSTAGRAM__SECRETS", '["a", "a"]', "twice"),
        ("PLATFORMS__INSTAGRAM__SECRETS", "bad \udcff byte", "is not UTF-8"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_variable(name: str, text: str, said: str) -> None:
    message = refusal(**{name: text})
    assert message.startswith(f"MODERATION_AI_{name}: ")
    assert said in message


def test_no_message_shows_a_secret() -> None:
    assert "hunter2" not in refusal(PLATFORMS__INSTAGRAM__SECRETS='["hunter2", "hunter2"]')
    assert "hunter2" not in refusal(STORE__URL="mysql://us:hunter2@db.example/inbox")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SERVER__PROT", "MODERATION_AI_SERVER__PORT"),
        ("SERVER_PORT", "MODERATION_AI_SERVER__PORT"),
        ("PLATFORMS__INSTAGRAM__SECRET", "MODERATION_AI_PLATFORMS__INSTAGRAM__SECRETS"),
        ("PLATFORMS__INSTAGRAM__ACCOUNTS__BRAND__TOKEN", "MODERATION_AI_PLATFORMS__INSTAGRAM__ACCOUNTS__BRAND__"),
        ("CONSOLE__TOKN_FILE", "MODERATION_AI_CONSOLE__TOKEN"),
    ],
)
def test_an_unknown_variable_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    message = refusal(**{name: "x"})
    assert message.startswith(f"MODERATION_AI_{name}: there is no such setting; did you mean '{meant}")


@pytest.mark.parametrize("name", ["COLOUR", "PLATFORMS", "PLATFORMS__INSTAGRAM", "PLATFORMS__INSTAGRAM__ACCOUNTS__A"])
def test_a_variable_that_resembles_nothing_is_refused_too(name: str) -> None:
    assert f"MODERATION_AI_{name}: there is no such setting" in refusal(**{name: "x"})


def test_an_unknown_platform_is_refused_with_what_was_meant() -> None:
    message = refusal(PLATFORMS__INSTAGRAN__SECRETS="x")
    assert "no platform is called 'instagran'; did you mean 'instagram'?" in message


@pytest.mark.parametrize(
    "name",
    [
        "CONFIG",
        "PORT",
        "PORT_8080_TCP",
        "PORT_8080_TCP_ADDR",
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "CHAOS_ROUNDS",
        "FUZZ_EXAMPLES",
    ],
)
def test_what_kubernetes_and_the_tests_put_there_is_no_setting(name: str) -> None:
    Path("x").write_text("")
    assert settings(**{name: "x"}) == Settings()


def test_an_empty_variable_sets_nothing() -> None:
    assert settings(SERVER__PORT="", PLATFORMS__INSTAGRAM__SECRETS="", STORE__URL="") == Settings()


def test_other_programs_variables_are_not_looked_at() -> None:
    assert (
        load(environ={"MODERATION_AIX": "1", "moderation_ai_server__port": "1", "PATH": "/bin"}).settings == Settings()
    )


@pytest.mark.parametrize("spelling", ["x", "X", "twitter", "TWITTER", "Twitter"])
def test_a_platform_is_found_by_any_of_its_names(spelling: str) -> None:
    assert list(settings(**{f"PLATFORMS__{spelling}__SECRETS": "s"}).platforms) == ["twitter"]


def test_two_variables_for_one_setting_are_refused() -> None:
    message = refusal(PLATFORMS__X__SECRETS="a", PLATFORMS__TWITTER__SECRETS="b")
    assert "MODERATION_AI_PLATFORMS__TWITTER__SECRETS sets the same; keep one of the two" in message


def test_variables_for_two_names_of_a_platform_are_put_together() -> None:
    found = settings(PLATFORMS__X__SECRETS="a", PLATFORMS__TWITTER__GENERIC="true").platforms
    assert list(found) == ["twitter"]
    assert found["twitter"].secrets == ("a",)
    assert found["twitter"].generic


def test_a_variable_means_the_account_that_the_file_spells_its_own_way() -> None:
    Path("moderation-ai.toml").write_text('[platforms.instagram.accounts.My-Brand]\nid = "1"\n')
    found = settings(PLATFORMS__INSTAGRAM__ACCOUNTS__MY_BRAND__ACCESS_TOKEN="t").platforms["instagram"].accounts
    assert list(found) == ["My-Brand"]
    assert found["My-Brand"].access_token == "t"
    assert found["My-Brand"].id == "1"


def test_an_account_that_only_variables_name_is_in_lower_case() -> None:
    found = settings(PLATFORMS__INSTAGRAM__ACCOUNTS__BRAND__ID="1").platforms["instagram"]
    assert list(found.accounts) == ["brand"]


def test_an_account_needs_a_name_that_an_address_can_have() -> None:
    assert "names no account" in refusal(**{"PLATFORMS__INSTAGRAM__ACCOUNTS__A B__ID": "1"})


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b" s3cret ", " s3cret "),
        ("pässwort\n".encode(), "pässwort"),
    ],
)
def test_one_newline_at_the_end_of_a_secret_file_is_no_part_of_it(content: bytes, secret: str) -> None:
    Path("secret").write_bytes(content)
    assert settings(PLATFORMS__INSTAGRAM__SECRETS_FILE="secret").platforms["instagram"].secrets == (secret,)


def test_a_secret_file_may_hold_a_list() -> None:
    Path("secret").write_text('["new", "old"]\n')
    assert settings(PLATFORMS__INSTAGRAM__SECRETS_FILE="secret").platforms["instagram"].secrets == ("new", "old")


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read: No such file"), (b"\xff\xfe", "is not UTF-8"), (b"", "is empty")]
)
def test_a_secret_file_that_cannot_be_used_is_refused_with_its_variable(content: bytes | None, said: str) -> None:
    if content is not None:
        Path("secret").write_bytes(content)
    message = refusal(CONSOLE__TOKEN_FILE="secret")
    assert message.startswith("MODERATION_AI_CONSOLE__TOKEN_FILE")
    assert said in message


def test_the_setting_called_file_is_not_taken_for_a_secret_file() -> None:
    Path("policy.yaml").write_text("rules: []\n")
    Path("path").write_text("policy.yaml\n")
    assert settings(POLICY__FILE="policy.yaml").policy.file == "policy.yaml"
    assert settings(POLICY__FILE_FILE="path").policy.file == "policy.yaml"


def test_secrets_do_not_show_in_a_repr() -> None:
    found = settings(
        PLATFORMS__INSTAGRAM__SECRETS="hunter2",
        PLATFORMS__INSTAGRAM__ACCESS_TOKEN="hunter2",
        PLATFORMS__INSTAGRAM__ACCOUNTS__BRAND__SECRETS="hunter2",
        CONSOLE__TOKEN="hunter2",
    )
    shown: Any = (found, sources_of(found))
    assert "hunter2" not in repr(shown)
    assert "hunter2" not in f"{found.platforms['instagram']}"


def test_no_credential_shows_its_secrets_in_a_repr() -> None:
    credential = Credential(secrets=("hush",), verify_token="hush")
    key = PushKey(private_key="hush", audience="a", service_account="s")
    assert "hush" not in repr([credential, key, Source(platform=find_platform("generic"), credential=credential)])
