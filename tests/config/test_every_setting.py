"""Every setting, by every road: file, variable, file that a variable names, flag; and which of them wins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from moderation_ai.config import Loaded, Settings, all_settings, load, variable_of
from moderation_ai.config.catalogue import find_leaf

_KEY, _OLDER = "A" * 43 + "=", "-_+/" * 10 + "AAA="
# A value of each setting that is no default: as TOML writes it, as a variable says it, and what comes out.
VALUES: dict[str, tuple[str, str, Any]] = {
    "store.url": ('"sqlite:///other.db"', "sqlite:///other.db", "sqlite:///other.db"),
    "server.host": ('"0.0.0.0"', "0.0.0.0", "0.0.0.0"),
    "server.port": ("9000", "9000", 9000),
    "server.public_url": ('"https://hooks.example.org"', "https://hooks.example.org", "https://hooks.example.org"),
    "server.trusted_proxies": ('["10.0.0.0/8", "::1"]', '["10.0.0.0/8", "::1"]', ("10.0.0.0/8", "::1")),
    "server.allowed_ips": ('"192.0.2.7"', "192.0.2.7", ("192.0.2.7",)),
    "server.max_body": ("2048", "2048", 2048),
    "server.endpoint": ('"/in"', "/in", "/in"),
    "server.role": ('"worker"', "worker", "worker"),
    "console.host": ('"::1"', "::1", "::1"),
    "console.port": ("0", "0", 0),
    "console.token": ('"let me in"', "let me in", "let me in"),
    "platforms.NAME.secrets": ('["new", "old"]', '["new", "old"]', ("new", "old")),
    "platforms.NAME.verify_token": ('"vt"', "vt", "vt"),
    "platforms.NAME.topics": ('["https://t.example/1"]', "https://t.example/1", ("https://t.example/1",)),
    "platforms.NAME.generic": ("true", "yes", True),
    "platforms.NAME.allow_unverified": ("true", "1", True),
    "platforms.NAME.timestamp_signed": ("true", "On", True),
    "platforms.NAME.silence_after": ("3600", "3600", 3600.0),
    "platforms.NAME.access_token": ('"at"', "at", "at"),
    "platforms.NAME.refresh_token": ('"rt"', "rt", "rt"),
    "platforms.NAME.client_id": ('"12"', "12", "12"),
    "platforms.NAME.client_secret": ('"cs"', "cs", "cs"),
    "platforms.NAME.app_token": ('"apt"', "apt", "apt"),
    "platforms.NAME.api_key": ('"ak"', "ak", "ak"),
    "platforms.NAME.username": ('"mia"', "mia", "mia"),
    "platforms.NAME.password": ('"pw"', "pw", "pw"),
    "platforms.NAME.base_url": ('"https://talk.example"', "https://talk.example", "https://talk.example"),
    "platforms.NAME.page_id": ('"1055"', "1055", "1055"),
    "platforms.NAME.user_agent": ('"us/1"', "us/1", "us/1"),
    "platforms.NAME.limits_factor": ("2.5", "2.5", 2.5),
    "platforms.NAME.watch": ('["python", "de"]', '["python", "de"]', ("python", "de")),
    "platforms.NAME.poll": ("true", "yes", True),
    "platforms.NAME.poll_interval": ("90", "90", 90.0),
    "platforms.NAME.poll_spend_cap": ("0.5", "0.5", 0.5),
    "platforms.NAME.pubsub.audience": ('"us"', "us", "us"),
    "platforms.NAME.pubsub.service_account": ('"p@x.example"', "p@x.example", "p@x.example"),
    "platforms.NAME.pubsub.jwks_url": ('"https://k.example/jwks"', "https://k.example/jwks", "https://k.example/jwks"),
    "platforms.NAME.accounts.ACCOUNT.id": ('"178414"', "178414", "178414"),
    "platforms.NAME.accounts.ACCOUNT.secrets": ('"own"', "own", ("own",)),
    "platforms.NAME.accounts.ACCOUNT.verify_token": ('"avt"', "avt", "avt"),
    "platforms.NAME.accounts.ACCOUNT.topics": ('["t"]', '["t"]', ("t",)),
    "platforms.NAME.accounts.ACCOUNT.watch": ('"mods"', "mods", ("mods",)),
    "platforms.NAME.accounts.ACCOUNT.access_token": ('"aat"', "aat", "aat"),
    "platforms.NAME.accounts.ACCOUNT.refresh_token": ('"art"', "art", "art"),
    "platforms.NAME.accounts.ACCOUNT.client_id": ('"ci"', "ci", "ci"),
    "platforms.NAME.accounts.ACCOUNT.client_secret": ('"acs"', "acs", "acs"),
    "platforms.NAME.accounts.ACCOUNT.app_token": ('"aapt"', "aapt", "aapt"),
    "platforms.NAME.accounts.ACCOUNT.api_key": ('"aak"', "aak", "aak"),
    "platforms.NAME.accounts.ACCOUNT.username": ('"tom"', "tom", "tom"),
    "platforms.NAME.accounts.ACCOUNT.password": ('"apw"', "apw", "apw"),
    "platforms.NAME.accounts.ACCOUNT.base_url": ('"http://f.example"', "http://f.example", "http://f.example"),
    "platforms.NAME.accounts.ACCOUNT.page_id": ('"1056"', "1056", "1056"),
    "credentials.keys": (json.dumps([_KEY, _OLDER]), json.dumps([_KEY, _OLDER]), (_KEY, _OLDER)),
    "handlers.import": ('["a.b:c", "d:e"]', '["a.b:c", "d:e"]', ("a.b:c", "d:e")),
    "retries.max_attempts": ("3", "3", 3),
    "retries.first": ("1", "1", 1.0),
    "retries.factor": ("1.5", "1.5", 1.5),
    "retries.longest": ("60", "60", 60.0),
    "retries.jitter": ("0.5", "0.5", 0.5),
    "retention.bodies_days": ("7", "7", 7.0),
    "retention.texts_days": ("0.5", "0.5", 0.5),
    "retention.deleted_hours": ("0", "0", 0.0),
    "alerts.url": ('"https://a.example/in"', "https://a.example/in", "https://a.example/in"),
    "alerts.secret": ('"whsec_YQ=="', "whsec_YQ==", "whsec_YQ=="),
    "alerts.allow_private": ("true", "1", True),
    "policy.file": ('"policy.yaml"', "policy.yaml", "policy.yaml"),
    "policy.automatic": ("true", "true", True),
    "policy.degrade": ("false", "false", False),
}
NAMES = sorted(VALUES)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").touch()


def concrete(name: str) -> str:
    return name.replace("NAME", "instagram").replace("ACCOUNT", "brand")


def value_of(loaded: Loaded, name: str) -> Any:
    value: Any = loaded.settings
    leaf = find_leaf(tuple(concrete(name).split(".")))
    assert leaf is not None
    *above, _ = concrete(name).split(".")
    for part in above:
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return getattr(value, leaf.attribute)


def write_file(name: str) -> Path:
    *above, last = concrete(name).split(".")
    file = Path("settings.toml")
    file.write_text(f"# A comment\n\n[{'.'.join(above)}]\n{last} = {VALUES[name][0]}\n")
    return file


def test_the_table_has_every_setting_but_the_reserved_one() -> None:
    assert {setting.name for setting in all_settings()} - {"inbox.url"} == set(VALUES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_sets_it(name: str) -> None:
    loaded = load(write_file(name), environ={})
    assert value_of(loaded, name) == VALUES[name][2]
    assert str(loaded.origin(concrete(name))) == "settings.toml:4"


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_sets_it_over_the_file(name: str) -> None:
    variable = variable_of(concrete(name))
    file = write_file(name)
    file.write_text(file.read_text().replace(VALUES[name][0], other(name)))
    loaded = load(file, environ={variable: VALUES[name][1]})
    assert value_of(loaded, name) == VALUES[name][2]
    assert str(loaded.origin(concrete(name))) == variable


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_a_variable_names_sets_it_over_the_variable(name: str) -> None:
    variable = variable_of(concrete(name))
    Path("value").write_text(VALUES[name][1] + "\n")
    environ = {f"{variable}_FILE": "value", variable: from_toml(other(name))}
    loaded = load(environ=environ)
    assert value_of(loaded, name) == VALUES[name][2]
    assert str(loaded.origin(concrete(name))) == f"{variable}_FILE (value)"


@pytest.mark.parametrize("name", [name for name in NAMES if "NAME" not in name])
def test_a_flag_sets_it_over_all(name: str) -> None:
    Path("value").write_text(from_toml(other(name)))
    loaded = load(environ={f"{variable_of(name)}_FILE": "value"}, flags={name: ("--it", VALUES[name][1])})
    assert value_of(loaded, name) == VALUES[name][2]
    assert str(loaded.origin(name)) == "--it"


@pytest.mark.parametrize("name", NAMES)
def test_it_has_its_default_where_nothing_sets_it(name: str) -> None:
    loaded = load(environ={"MODERATION_AI_PLATFORMS__INSTAGRAM__ACCOUNTS__BRAND__ID": "x"})
    default = {setting.name: setting.default for setting in all_settings()}[name]
    assert name.endswith("ACCOUNT.id") or value_of(loaded, name) == default
    assert name.endswith("ACCOUNT.id") or str(loaded.origin(concrete(name))) == "default"


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_means(name: str) -> None:
    setting = next(one for one in all_settings() if one.name == name)
    assert setting.help.endswith(".")
    assert setting.type in ("text", "integer", "number", "boolean", "list", "secret", "secrets")


def test_nothing_set_is_all_defaults() -> None:
    assert load(environ={}).settings == Settings()


def other(name: str) -> str:
    """Return a value of the setting, as TOML, that is not the one under test."""
    kind = next(one.type for one in all_settings() if one.name == name)
    special = {
        "store.url": '"sqlite:///weaker.db"',
        "server.endpoint": '"/weaker"',
        "server.role": '"gateway"',
        "handlers.import": '["weaker:one"]',
        "credentials.keys": f'["{"B" * 43}="]',
        "policy.file": '"value"' if Path("value").exists() else '"policy.yaml"',
        "server.trusted_proxies": '["198.51.100.1"]',
        "server.allowed_ips": '["198.51.100.1"]',
    }
    if name.endswith("_url") or name == "alerts.url":
        return '"https://weaker.example"'
    usual = {"integer": "7", "number": "1", "boolean": "false", "list": '["weaker"]', "secrets": '["weaker"]'}
    return special.get(name, usual.get(kind, '"weaker"'))


def from_toml(text: str) -> str:
    value = json.loads(text)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
