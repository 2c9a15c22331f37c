"""What the environment's variables mean, and the sentence for each value that cannot be meant."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sigmaweb.environment import EnvironmentProblem, read_environment, secret_key


def test_without_variables_it_is_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SIGMAWEB_PORT",
        "SIGMAWEB_HOST",
        "SIGMAWEB_WORKERS",
        "DATABASE_URL",
        "REDIS_URL",
        "SIGMAWEB_DATA",
    ):
        monkeypatch.delenv(name, raising=False)
    found = read_environment()
    assert (found.host, found.port, found.data.name) == ("127.0.0.1", 8000, "var")
    assert found.workers >= 1
    assert found.redis_embedded


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "80.5", "²"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SIGMAWEB_PORT", value)
    with pytest.raises(EnvironmentProblem, match=r"SIGMAWEB_PORT is .* from 1 to 65535"):
        read_environment()


def test_a_redis_of_the_operators_own_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://queue:6379/1")
    found = read_environment()
    assert not found.redis_embedded
    assert found.redis_url == found.broker_url == "redis://queue:6379/1"


def test_celery_gets_the_socket_in_its_own_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    found = read_environment()
    assert found.redis_url == f"unix://{found.redis_socket}"
    assert found.broker_url == f"redis+socket://{found.redis_socket}"


def test_the_socket_is_short_however_deep_the_data_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGMAWEB_DATA", str(tmp_path / ("deep/" * 60)))
    assert len(str(read_environment().redis_socket)) < 100


def test_two_data_folders_have_two_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sockets = set()
    for name in ("one", "two"):
        monkeypatch.setenv("SIGMAWEB_DATA", str(tmp_path / name))
        sockets.add(read_environment().redis_socket)
    assert len(sockets) == 2


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SIGMAWEB_SECRET_KEY", raising=False)
    first = secret_key(tmp_path)
    assert len(first) > 50
    assert secret_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_data_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGMAWEB_SECRET_KEY", raising=False)
    with pytest.raises(EnvironmentProblem, match="The data folder /dev/null/data cannot be written"):
        secret_key(Path("/dev/null/data"))
