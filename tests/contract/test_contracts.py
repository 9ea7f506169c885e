"""The promises the rest of the package is written against."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect as inspect_database

from veriscope import config, errors, types
from veriscope.errors import BadSetting, VeriscopeError
from veriscope.store import db, tables

ROOT = Path(__file__).resolve().parents[2]


def tree() -> list[type[VeriscopeError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, VeriscopeError)]


def test_every_error_is_in_the_tree_drawn_on_top() -> None:
    drawn = set(re.findall(r"[A-Z]\w+", (errors.__doc__ or "").split("The code,")[0]))
    assert {c.__name__ for c in tree()} <= drawn


def test_error_codes_are_unique_and_statuses_fit() -> None:
    concrete = [c for c in tree() if c not in {VeriscopeError, errors.Fault}]
    codes = [c.code for c in concrete]
    assert len(codes) == len(set(codes))
    for c in concrete:
        if issubclass(c, errors.BadInput):
            assert 400 <= c.status < 500
            assert c.exit_code == 2
            assert not c.retryable
        if issubclass(c, errors.Fault):
            assert c.status >= 500
            assert c.exit_code == 1


def test_error_shape() -> None:
    assert set(errors.DamagedMedia("It broke.").as_dict()) == {"code", "message", "hint"}


def test_every_error_code_is_documented() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    missing = [c.code for c in tree() if f"`{c.code}`" not in text]
    assert not missing


def test_settings_page_is_current() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert config.document() in page, "run: make docs"


def test_settings_come_from_flag_then_environment_then_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("port: 1111\nmax_bytes: 5\nprocesses: 7\n")
    monkeypatch.setenv("VERISCOPE_CONFIG", str(file))
    monkeypatch.setenv("VERISCOPE_PORT", "2222")
    settings = config.load(processes=3)
    assert (settings.port, settings.max_bytes, settings.processes) == (2222, 5, 3)
    origin = config.sources(settings, processes=3)
    assert (origin["port"], origin["max_bytes"], origin["processes"]) == ("environment", "file", "flag")
    assert origin["host"] == "default"


@pytest.mark.parametrize(
    "flags",
    [
        {"port": 70000},
        {"host": "0.0.0.0"},
        {"host": "192.0.2.1", "tokens": "short"},
        {"quarantine": True},
        {"nonsense": 1},
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(flags: dict[str, object]) -> None:
    with pytest.raises(BadSetting) as caught:
        config.load(**flags)
    assert "\n" not in caught.value.message


def test_lists_in_the_environment_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERISCOPE_TOKENS", "first-token-of-mine, second-token-of-mine")
    monkeypatch.setenv("VERISCOPE_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2")
    settings = config.load(host="0.0.0.0")
    assert [token.get_secret_value() for token in settings.tokens] == ["first-token-of-mine", "second-token-of-mine"]
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_tokens_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERISCOPE_TOKENS", "a-long-enough-token-one, a-long-enough-token-two")
    assert [t.get_secret_value()[-3:] for t in config.load(host="192.0.2.1").tokens] == ["one", "two"]


def test_tokens_do_not_leak() -> None:
    settings = config.load(tokens="a-very-secret-token-indeed")
    assert "secret" not in repr(settings) + str(settings.public())


def test_a_finding_needs_a_score_or_a_reason() -> None:
    common = {"detector": "d", "version": "1", "signal": types.Signal.NOISE, "summary": {"en": "x"}}
    with pytest.raises(ValueError, match="no reason"):
        types.Finding(score=None, **common)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="outside"):
        types.Finding(score=1.5, **common)  # type: ignore[arg-type]
    assert types.Finding(score=None, reason=types.Reason.TOO_SMALL, **common).reliability.value == 0  # type: ignore[arg-type]


def test_migrations_give_exactly_the_tables(tmp_path: Path) -> None:
    engine = db.open_database(f"sqlite:///{tmp_path / 'x' / 'v.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    db.upgrade(engine)  # a second start changes nothing
    engine.dispose()


def test_every_record_says_whose_it_is(tmp_path: Path) -> None:
    engine = db.open_database(f"sqlite:///{tmp_path / 'v.db'}")
    inspector = inspect_database(engine)
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        columns = {c["name"]: c for c in inspector.get_columns(name)}
        assert not columns["organisation_id"]["nullable"], name
        assert not columns["created_by"]["nullable"], name
    engine.dispose()
