"""What is kept of a report, and of an input that we could not cope with."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from veriscope.analysis import analyse
from veriscope.config import load
from veriscope.jobs.payload import media_of, media_payload, options_of, options_payload
from veriscope.jobs.results import QUARANTINED, cache_key, fingerprint, keep, open_store, quarantine
from veriscope.media.intake import open_bytes
from veriscope.types import LOCAL, Options, Policy, Principal

from tests.making import encoded, photo

KEY = base64.b64encode(bytes(32)).decode()


def test_a_report_is_kept_in_every_language_with_an_end(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, keep_results_hours=0, keep_artifacts_hours=2)
    store = open_store(settings)
    report = analyse(encoded(photo()), name="a.jpg", options=Options(policy=Policy.QUICK))
    record, rows = keep(report, store, settings, job_id="j")
    assert record.expires is None  # 0: for ever
    assert {row.expires for row in rows} == {record.created + 7200}
    assert {row.blob_key for row in rows} == set(store.blobs.keys())
    assert set(record.body) == {"en", "vi"}
    store.reports.save(LOCAL, record, rows)
    assert store.reports.of_job(LOCAL, "j") == record
    names = {row.name for row in rows}
    for heatmap in record.body["en"]["evidence"]["heatmaps"]:
        assert {heatmap["name"], heatmap["overlay"]["name"]} <= names
    store.close()


def test_quarantine_is_a_setting_encrypted_and_ends(tmp_path: Path) -> None:
    media = open_bytes(b"the face of a witness, as plain text", "a.txt", tmp_path / "spool")
    off = load(data_dir=tmp_path / "off", blob_key=KEY)
    on = load(data_dir=tmp_path / "on", blob_key=KEY, quarantine=True)
    for settings, kept in ((off, []), (on, ["quarantine/job1"])):
        store = open_store(settings)
        quarantine(media, store, settings, LOCAL, "job1")
        assert list(store.blobs.keys()) == kept
        for row in store.artifacts.of_report(LOCAL, "job1"):
            assert row.name == QUARANTINED
            assert row.expires is not None
            assert store.blobs.get(row.blob_key) == media.path.read_bytes()
        store.close()
    on_disk = [path.read_bytes() for path in (tmp_path / "on" / "blobs").rglob("*") if path.is_file()]
    assert on_disk
    assert all(b"witness" not in data for data in on_disk)


def test_a_job_keeps_all_that_was_asked_for(tmp_path: Path) -> None:
    media = open_bytes(encoded(photo()), "ảnh.jpg", tmp_path / "gw")
    assert media_of(media_payload(media, tmp_path), tmp_path) == media
    options = Options(Policy.THOROUGH, (1, 2, 3, 4), 0.5, 2.0, 3.0, "caption", 0.25)
    assert options_of(options_payload(options)) == options
    assert options_of(options_payload(Options())) == Options()


def test_cache_keys_tell_apart_what_gives_another_report(tmp_path: Path) -> None:
    media = open_bytes(encoded(photo()), "a.jpg", tmp_path)
    settings = load(data_dir=tmp_path)
    print_ = fingerprint(settings)
    key = cache_key(media, Options(), LOCAL, print_)
    assert key == cache_key(replace(media, path=tmp_path / "elsewhere"), Options(), LOCAL, print_)
    others = [
        cache_key(replace(media, sha256="0" * 64), Options(), LOCAL, print_),
        cache_key(replace(media, name="b.jpg"), Options(), LOCAL, print_),
        cache_key(media, Options(policy=Policy.QUICK), LOCAL, print_),
        cache_key(media, Options(caption="x"), LOCAL, print_),
        cache_key(media, Options(), Principal("elsewhere"), print_),
        cache_key(media, Options(), LOCAL, fingerprint(load(data_dir=tmp_path, fusion="voting"))),
    ]
    assert len({key, *others}) == 7
    policy = tmp_path / "policy.yaml"
    policy.write_text("a: 1")
    before = fingerprint(load(data_dir=tmp_path, policy_file=policy))
    policy.write_text("a: 2")
    fingerprint.cache_clear()
    assert fingerprint(load(data_dir=tmp_path, policy_file=policy)) != before


@pytest.mark.parametrize("hours", [0.0, 5.0])
def test_the_time_to_keep_is_in_hours(tmp_path: Path, hours: float) -> None:
    settings = load(data_dir=tmp_path, keep_results_hours=hours)
    store = open_store(settings)
    record, _ = keep(analyse(text="A short text, and nothing more."), store, settings)
    assert record.expires == (record.created + hours * 3600 if hours else None)
    store.close()
