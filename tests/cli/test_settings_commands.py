"""The config, db and platforms commands."""

from __future__ import annotations

from pathlib import Path

import apsw
import msgspec
import pytest

from moderation_ai.platforms import all_platforms
from tests.cli.conftest import Run, rows


def test_config_check_says_what_would_be_served(run: Run) -> None:
    Path("moderation-ai.toml").write_text('[platforms.x]\nsecrets = "s"\n[platforms.generic]\nsecrets = "t"\n')
    result = run("config", "check")
    assert result.exit_code == 0
    assert "`serve` would serve generic, twitter" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no platform is configured"),
        ("[platforms.x]\n", "platforms.twitter has no secret"),
        ('[platforms.x]\nsecrets = "s"\n[server]\nport = 8081\n', "server.port and console.port are both 8081"),
        ('[platforms.x]\nsecrets = "s"\n[server]\nhost = "::"\nport = 8081\n', "server.port and console.port are both"),
        ('[platforms.x]\nsecrets = "s"\n[policy]\nfile = "policy.yaml"\n', "policy.yaml"),
        ('[platforms.x]\nsecrets = "s"\n[handlers]\nimport = "nowhere:handler"\n', "there is no module 'nowhere'"),
    ],
)
def test_config_check_refuses_what_serve_would_refuse(run: Run, text: str, said: str) -> None:
    Path("moderation-ai.toml").write_text(text)
    Path("policy.yaml").write_text("rules: 7\n")
    result = run("config", "check")
    assert result.exit_code == 3
    assert said in result.stderr


@pytest.mark.parametrize(
    "more", ["[server]\nport = 0\n[console]\nport = 0\n", "[server]\nport = 8081\nrole = 'worker'\n"]
)
def test_ports_that_cannot_meet_may_be_the_same(run: Run, more: str) -> None:
    Path("moderation-ai.toml").write_text('[platforms.x]\nsecrets = "s"\n' + more)
    assert run("config", "check").exit_code == 0


def test_config_check_tells_programs_what_it_found(run: Run) -> None:
    Path("moderation-ai.toml").write_text('[platforms.x]\nsecrets = "s"\n')
    assert rows(run("config", "check", "--json")) == [
        {"valid": True, "platforms": ["twitter"], "polled": [], "mistakes": []}
    ]
    Path("moderation-ai.toml").write_text('[server]\nprot = 1\nmax_body = -1\n[platforms.x]\nsecrets = "s"\n')
    result = run("config", "check", "--json")
    assert result.exit_code == 3
    said = msgspec.json.decode(result.stdout)
    assert said["valid"] is False
    assert [f"moderation-ai: {mistake}" for mistake in said["mistakes"]] == result.stderr.splitlines()
    assert len(said["mistakes"]) == 2


def test_config_check_tells_all_mistakes_at_once(run: Run) -> None:
    Path("moderation-ai.toml").write_text(
        """
[server]
port = "eighty"
prot = 8080

[platforms.instagarm]
secrets = "s"

[platforms.x]

[platforms.reddit]
secrets = ["a", "a"]

[policy]
file = "policy.yaml"

[handlers]
import = "nowhere:handler"
"""
    )
    Path("policy.yaml").write_text("rules: 7\n")
    environment = {"MODERATION_AI_SERVER__HSOT": "::", "MODERATION_AI_CONSOLE__PORT": "-1"}
    result = run("config", "check", env={**environment, "MODERATION_AI_CONSOLE__TOKEN_FILE": "nowhere.txt"})
    assert result.exit_code == 3
    lines = result.stderr.splitlines()
    assert [line.removeprefix("moderation-ai: ").partition(": ")[0] for line in lines] == [
        "moderation-ai.toml:3",
        "moderation-ai.toml:4",
        "moderation-ai.toml:6",
        "moderation-ai.toml:12",
        "MODERATION_AI_CONSOLE__TOKEN_FILE",
        "MODERATION_AI_SERVER__HSOT",
        "MODERATION_AI_CONSOLE__PORT",
        "platforms.twitter has no secret, so anyone could post to it",
        "platforms.reddit has no secret, so anyone could post to it",
        "policy.yaml:1",
        "nowhere:handler cannot be loaded",
    ]


def test_what_is_misspelt_is_not_said_to_be_missing_too(run: Run) -> None:
    Path("moderation-ai.toml").write_text('[platforms.instagarm]\nsecrets = "s"\n')
    result = run("config", "check")
    assert "did you mean 'instagram'?" in result.stderr
    assert "no platform is configured" not in result.stderr


def test_every_command_tells_all_mistakes_of_the_settings(run: Run) -> None:
    Path("moderation-ai.toml").write_text("[server]\nport = -1\n[console]\nport = -1\n")
    assert run("events", "list").stderr.count("is no port") == 2
    assert [row["status"] for row in rows(run("doctor", "--json"))] == ["failure", "failure"]


def test_config_show_says_where_each_value_comes_from(run: Run) -> None:
    Path("moderation-ai.toml").write_text('[platforms.x]\nsecrets = ["hunter2"]\n')
    result = run("config", "show", env={"MODERATION_AI_SERVER__PORT": "9000"})
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["server.port", "9000", "MODERATION_AI_SERVER__PORT"] in lines
    assert ["platforms.twitter.secrets", '["********"]', "moderation-ai.toml:2"] in lines
    assert ["server.host", '"127.0.0.1"', "default"] in lines
    assert "hunter2" not in result.output
    found = {row["name"]: row for row in rows(run("config", "show", "--json"))}
    assert found["server.port"] == {"name": "server.port", "value": 8080, "origin": "default"}


@pytest.mark.usefixtures("filled")
def test_db_status_counts_what_is_there(run: Run) -> None:
    (state,) = rows(run("db", "status", "--json"))
    assert state | {"bytes": 0, "library": ""} == {
        "url": "sqlite:///moderation.db",
        "schema": state["newest_schema"],
        "newest_schema": state["newest_schema"],
        "up_to_date": True,
        "bytes": 0,
        "kind": "sqlite",
        "library": "",
        "events": 5,
        "pending": 1,
        "done": 2,
        "superseded": 0,
        "unhandled": 1,
        "dead_letters": 2,
        "retrying": 0,
        "actions_open": 0,
        "actions_uncertain": 0,
        "actions_dead": 0,
    }
    assert "dead_letters" in run("db", "status").stdout


@pytest.mark.usefixtures("filled")
def test_an_older_schema_is_not_touched_before_it_is_asked_for(run: Run) -> None:
    set_schema(0)
    (state,) = rows(run("db", "status", "--json"))
    assert state["up_to_date"] is False
    result = run("events", "list")
    assert result.exit_code == 4
    assert "run `moderation-ai db upgrade`" in result.stderr


@pytest.mark.usefixtures("filled")
def test_a_newer_schema_is_refused(run: Run) -> None:
    set_schema(9999)
    assert run("events", "list").exit_code == 4
    result = run("db", "upgrade")
    assert result.exit_code == 4
    assert "newer than this program's" in result.stderr


def set_schema(number: int) -> None:
    connection = apsw.Connection("moderation.db")
    connection.execute(f"PRAGMA user_version = {number}")
    connection.close()


def test_db_upgrade_makes_the_store_and_does_nothing_the_second_time(run: Run) -> None:
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "was 0" in first.stdout
    assert "nothing to do" in second.stdout
    assert rows(run("events", "list", "--json")) == []


def test_db_upgrade_tells_programs_both_schemas(run: Run) -> None:
    (first,) = rows(run("db", "upgrade", "--json"))
    (second,) = rows(run("db", "upgrade", "--json"))
    assert (first["schema_before"], second["schema_before"]) == (0, first["schema"])
    assert first["url"] == second["url"] == "sqlite:///moderation.db"


def test_db_upgrade_in_a_folder_that_is_not_there_is_said_so(run: Run) -> None:
    result = run("db", "upgrade", "--store", "sqlite:///nowhere/x.db")
    assert result.exit_code == 4
    assert "nowhere/x.db" in result.stderr
    assert run("db", "upgrade", "--store", "memory://").exit_code == 3


def test_platforms_tell_what_they_can(run: Run) -> None:
    found = rows(run("platforms", "--json"))
    assert [row["name"] for row in found] == sorted(all_platforms())
    assert set(found[0]) == {"name", "aliases", "events", "signature", "handshake", "actions", "poll", "subscribe"}
    (twitter,) = rows(run("platforms", "x", "--json"))
    assert twitter["aliases"] == ["x"]
    assert "post.created" in twitter["events"]
    assert "" not in twitter["events"]
    printed = run("platforms").stdout
    for name in all_platforms():
        assert f"\n{name}" in f"\n{printed}"


def test_platforms_tell_how_each_action_is_done(run: Run) -> None:
    found = {row["action"]: row for row in rows(run("platforms", "x", "--actions", "--json"))}
    assert found["hide"]["call"] == "PUT https://api.x.com/2/tweets/{tweet_id}/hidden"
    assert found["hide"]["undo"] == "unhide"
    assert "tweet.moderate.write" in found["hide"]["scopes"]
    printed = run("platforms", "x", "--actions").stdout
    assert "50 in 900 s for each call" in printed
    assert "remove     cannot be done; hide is done instead" in printed
    assert run("platforms", "medium", "--actions", "--json").stdout == ""


def test_platforms_tell_what_can_be_subscribed_and_how(run: Run) -> None:
    found = {row["subscribing"]: row for row in rows(run("platforms", "x", "--subscriptions", "--json"))}
    assert found["check_webhook"]["call"] == "PUT https://api.x.com/2/webhooks/{webhook_id}"
    assert (found["check_webhook"]["as"], found["subscribe"]["as"]) == ("the app", "the account")
    assert "tweet.read" in found["subscribe"]["scopes"]
    printed = run("platforms", "x", "--subscriptions").stdout
    assert "comment.created, subscribed unless others are named" in printed
    assert "450 in 900 s for each call" in printed
    assert run("platforms", "reddit", "--subscriptions", "--json").stdout == ""


def test_a_platform_that_is_not_known_is_a_failure(run: Run) -> None:
    result = run("platforms", "myspace")
    assert result.exit_code == 1
    assert "no platform is called 'myspace'" in result.stderr


def test_config_check_tells_of_each_platform_what_cannot_be_watched(run: Run) -> None:
    text = '[platforms.reddit]\nwatch = "a b"\n[platforms.medium]\nwatch = ["https://blog.example/feed"]\n'
    Path("moderation-ai.toml").write_text(text)
    result = run("config", "check")
    assert result.exit_code == 3
    assert "platforms.reddit, watch: 'a b' is no subreddit" in result.stderr
    assert "platforms.medium, watch: 'https://blog.example/feed' is no feed" in result.stderr
