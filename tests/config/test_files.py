"""The configuration file: found, read, and refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation_ai.config import Settings, load
from moderation_ai.config.toml import lines_of
from moderation_ai.core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(text: str) -> ConfigurationError:
    Path("c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load("c.toml", environ={})
    return caught.value


def test_the_file_of_the_usual_name_is_read() -> None:
    Path("moderation-ai.toml").write_text("[server]\nport = 9000\n")
    loaded = load(environ={})
    assert loaded.settings.server.port == 9000
    assert loaded.file == "moderation-ai.toml"


def test_without_a_file_there_are_defaults() -> None:
    assert load(environ={}).settings == Settings()
    assert load(environ={}).file is None


def test_the_variable_names_another_file_and_the_argument_yet_another() -> None:
    for port, name in ((1, "moderation-ai.toml"), (2, "by-variable.toml"), (3, "by-argument.toml")):
        Path(name).write_text(f"[server]\nport = {port}\n")
    environ = {"MODERATION_AI_CONFIG": "by-variable.toml"}
    assert load(environ={}).settings.server.port == 1
    assert load(environ=environ).settings.server.port == 2
    assert load("by-argument.toml", environ=environ).settings.server.port == 3


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[server]\n\nprot = 1\n", 3, "there is no setting 'prot' in [server]; did you mean 'port'?"),
        ("[servr]\nport = 1\n", 1, "there is no setting 'servr' in the file; did you mean 'server'?"),
        ("port = 1\n", 1, "there is no setting 'port' in the file"),
        ("# x\n[platforms.instagram]\nsecret = 's'\n", 3, "did you mean 'secrets'?"),
        ("[platforms.instagram.accounts.a]\nidd = '1'\n", 2, "did you mean 'id'?"),
        ("[platforms.instagran]\nsecrets = 's'\n", 1, "no platform is called 'instagran'; did you mean 'instagram'?"),
        ("[platforms.instagram.pubsub]\naudiense = 's'\n", 2, "did you mean 'audience'?"),
        ("[server]\nport = '80'\n", 2, "server.port: write a whole number"),
        ("[server]\nport = true\n", 2, "server.port: write a whole number"),
        ("[server]\nport = 70000\n", 2, "70000 is no port"),
        ("[server]\nhost = 5\n", 2, "server.host: write text in quotes"),
        ("[server]\nhost = ''\n", 2, "the text is empty"),
        ("[server]\nallowed_ips = [1]\n", 2, "write text in quotes, or a list of such texts"),
        ("[server]\n\nallowed_ips = [\n  '192.0.2.1',\n  'x',\n]\n", 3, "'x' is no IP address"),
        ("[platforms.instagram]\ngeneric = 'yes'\n", 2, "write true or false"),
        ("[platforms.instagram]\nsecrets = ['a', '']\n", 2, "an empty text"),
        ("[platforms.instagram.accounts.'a b']\nid = '1'\n", 1, "names no account"),
        ("[retries]\nfirst = false\n", 2, "write a number"),
        ("server = 5\n", 1, "server is a section; write [server]"),
        ("[platforms]\ninstagram = 's'\n", 2, "instagram is a section; write [platforms.instagram]"),
        ("[[server]]\nport = 1\n", 1, "server is a section"),
        ("[inbox]\nurl = 'nats://x'\n", 2, "not there yet"),
        ("[platforms.x]\nsecrets = 'a'\n[platforms.twitter]\nsecrets = 'b'\n", 3, "platforms.x sets the same"),
        ("[platforms.instagram.accounts.a]\nid='1'\n[platforms.instagram.accounts.A]\nid='2'\n", 3, "sets the same"),
        ("platforms.instagram.secret = 's'\n", 1, "did you mean 'secrets'?"),
        ("[server]\nport = \n", 2, "this is no TOML"),
        ("[server\nport = 1\n", 1, "this is no TOML"),
        ("[server]\nport = 1\nport = 2\n", 3, "this is no TOML"),
        ("[server]\nhost = 'x", 2, "this is no TOML"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(text: str, line: int, said: str) -> None:
    error = refusal(text)
    assert (error.file, error.line) == ("c.toml", line)
    assert str(error).startswith(f"c.toml:{line}: ")
    assert said in str(error)


def test_no_message_shows_a_secret() -> None:
    assert "hunter2" not in str(refusal("[platforms.instagram]\nsecrets = ['hunter2', 'hunter2']\n"))
    assert "hunter2" not in str(refusal("[store]\nurl = 'mysql://us:hunter2@db.example/x'\n"))


def test_a_file_that_is_not_there_is_refused_only_where_it_was_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: there is no such file"):
        load("nowhere.toml", environ={})
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: there is no such file"):
        load(environ={"MODERATION_AI_CONFIG": "nowhere.toml"})


def test_a_folder_or_another_encoding_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(".", environ={})
    Path("c.toml").write_bytes("[server]\nhost = 'ä'\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load("c.toml", environ={})


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    Path("c.toml").write_bytes(b"\xef\xbb\xbf[server]\r\nport = 9000\r\n")
    loaded = load("c.toml", environ={})
    assert loaded.settings.server.port == 9000
    assert str(loaded.origin("server.port")) == "c.toml:2"


def test_a_section_without_values_still_configures_its_platform() -> None:
    Path("c.toml").write_text("[platforms.instagram]\n[platforms.x.accounts.main]\n")
    assert set(load("c.toml", environ={}).settings.platforms) == {"instagram", "twitter"}


def test_lines_are_those_where_tables_and_keys_begin() -> None:
    text = """# one
[a.b] # two
c = [
  1, # '''
  2,
]
"d.e" = '''
[not.a.table]
f = 1
'''

[a]
g.h = {i = 1, j = "]"}
[[k]]
l = 1
"""
    assert dict(lines_of(text)) == {
        ("a",): 12,
        ("a", "b"): 2,
        ("a", "b", "c"): 3,
        ("a", "b", "d.e"): 7,
        ("a", "g"): 13,
        ("a", "g", "h"): 13,
        ("a", "g", "h", "i"): 13,
        ("a", "g", "h", "j"): 13,
        ("k",): 14,
        ("k", "l"): 15,
    }
