"""The key file: made once, whole, for this user alone; whatever else lies there is refused with what to do."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.pipeline.credentials.keyfile import find_keys, sealer_for
from moderation_ai.pipeline.credentials.sealing import Sealer
from moderation_ai.stores.urls import companion

ONE, TWO, THREE = ("A" * 43 + "=", "B" * 42 + "A=", "C" * 42 + "A=")


def test_what_is_sealed_shows_nothing_and_is_opened_by_any_of_the_keys() -> None:
    sealed = Sealer([ONE]).seal(b"the token")
    assert b"the token" not in sealed
    assert Sealer([TWO, ONE]).open(sealed) == b"the token"
    assert (Sealer([ONE, TWO]).is_newest(sealed), Sealer([TWO, ONE]).is_newest(sealed)) == (True, False)


def test_the_newest_key_seals() -> None:
    assert Sealer([TWO]).open(Sealer([TWO, ONE]).seal(b"x")) == b"x"


@pytest.mark.parametrize("place", [0, 10, 40, -1])
def test_what_was_tampered_with_is_not_opened(place: int) -> None:
    sealed = bytearray(Sealer([ONE]).seal(b"the token"))
    sealed[place] ^= 1
    with pytest.raises(ConfigurationError, match="not among those here"):
        Sealer([ONE]).open(bytes(sealed))


def test_without_the_key_the_error_says_what_to_do_and_shows_no_key() -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\.keys.*copy the key file.*authorise") as caught:
        Sealer([TWO]).open(Sealer([ONE]).seal(b"x"))
    assert TWO not in str(caught.value)


def test_a_key_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "store.db.key"
    made = find_keys((), file)
    assert find_keys((), file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == f"{made[0]}\n"
    assert [each.name for each in tmp_path.iterdir()] == ["store.db.key"]


def test_no_umask_opens_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        find_keys((), tmp_path / "k")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_many_who_begin_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: find_keys((), tmp_path / "k"), range(32)))
    assert all(each == found[0] for each in found)


def test_configured_keys_stand_before_those_of_the_file_and_make_none(tmp_path: Path) -> None:
    file = tmp_path / "k"
    assert find_keys([TWO, ONE], file) == [TWO, ONE]
    assert not file.exists()
    file.touch(0o600)
    file.write_text(f"{THREE}\n{ONE}\n")
    assert find_keys([TWO], file) == [TWO, THREE, ONE]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "k"
    find_keys((), file)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"open to others .mode {mode:o}.*chmod 600"):
        find_keys((), file)


def test_a_link_is_not_followed_neither_to_read_nor_to_write(tmp_path: Path) -> None:
    real = tmp_path / "real"
    find_keys((), real)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "dangling"):
        with pytest.raises(ConfigurationError, match="it is a link"):
            find_keys((), tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigurationError, match="no plain file"):
            find_keys((), tmp_path / name)


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), ("\n\n", "is empty"), ("guess\n", "32 bytes in base64")])
def test_what_holds_no_key_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "k"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        find_keys((), file)


def test_where_it_cannot_be_written_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be used .No such file.*MODERATION_AI_CREDENTIALS__KEYS"):
        find_keys((), tmp_path / "nowhere" / "k")


def test_no_other_key_takes_the_place_of_one_that_is_missed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds tokens.*is not here.*copy the key file"):
        find_keys((), tmp_path / "k", is_new=False)
    assert not (tmp_path / "k").exists()
    assert find_keys([ONE], tmp_path / "k", is_new=False) == [ONE]


def test_the_file_lies_beside_the_store(tmp_path: Path) -> None:
    sealer_for(f"sqlite:///{tmp_path}/inbox.db")
    assert (tmp_path / "inbox.db.key").exists()
    assert companion("postgresql://me@db/x", ".key") == Path("moderation-ai.key")
    sealed = sealer_for("memory://").seal(b"x")
    assert sealer_for("memory://").open(sealed) == b"x"
