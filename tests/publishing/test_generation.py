from __future__ import annotations

import datetime as dt
import gzip
import os
import random
import string

import brotli
import pytest

from publishing.artefact import Artefact
from publishing.generation import (
    DamagedGeneration,
    UnsafePath,
    file_name,
    live_directory,
    live_manifest,
    live_name,
    read_manifest,
)
from publishing.writing import write_generation
from tests.make import utc

HTML = "text/html; charset=utf-8"
NOW = utc(2026, 1, 3, 12)


def page(path: str, text: str = "<p>All systems work.</p>" * 20) -> Artefact:
    return Artefact(path, HTML, text.encode())


def write(root, *artefacts, version=1, now=NOW):
    return write_generation(
        root, artefacts, version=version, generated_at=now, stale_at=now + dt.timedelta(hours=12), code="c"
    )


def asset(name: str, text: str) -> Artefact:
    return Artefact(f"/assets/{name}", "text/css", text.encode() * 20, immutable=True)


def age_generations(root, seconds: float) -> None:
    for manifest in root.glob("generations/*/manifest.json"):
        then = manifest.stat().st_mtime - seconds
        os.utime(manifest, (then, then))


@pytest.mark.parametrize(
    ("path", "content_type", "file"),
    [
        ("/", HTML, "index.html"),
        ("/404", HTML, "404.html"),
        ("/incidents/abc", HTML, "incidents/abc.html"),
        ("/history/2013/11", HTML, "history/2013/11.html"),
        ("/history.atom", "application/atom+xml", "history.atom"),
        ("/assets/page.1f3a9c02.css", "text/css", "assets/page.1f3a9c02.css"),
        ("/api/v2/summary.json", "application/json", "api/v2/summary.json"),
    ],
)
def test_each_path_has_a_file_that_a_file_server_finds(path, content_type, file):
    assert file_name(path, content_type) == file


@pytest.mark.parametrize(
    "path",
    [
        *["", "a", "//", "//a", "/a/", "/a//b", "/..", "/../a", "/a/../b", "/./a", "/.a", "/a/.b", "/a\0b", "/a\n"],
        *["/a b", "/%2e%2e/a", "/a\\b", "/ä", "/manifest.json", "/page.gz", "/page.br", "/" + "a" * 600],
        "/" + "a" * 151,
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(tmp_path, path):
    with pytest.raises(UnsafePath):
        write(tmp_path, Artefact(path, "text/plain", b"x"))

    assert live_manifest(tmp_path) is None
    assert list(tmp_path.glob("generations/*")) == []


def test_a_generation_holds_each_artefact_plain_and_compressed(tmp_path):
    manifest = write(tmp_path, page("/"), page("/incidents/abc"), version=7)

    live = live_directory(tmp_path)
    plain = (live / "incidents/abc.html").read_bytes()
    assert plain == page("/").body
    assert gzip.decompress((live / "incidents/abc.html.gz").read_bytes()) == plain
    assert brotli.decompress((live / "incidents/abc.html.br").read_bytes()) == plain
    assert live_manifest(tmp_path) == manifest
    assert (manifest.version, manifest.generated_at, manifest.stale_at) == (7, NOW, NOW + dt.timedelta(hours=12))


def test_each_encoding_has_a_strong_tag_of_its_own(tmp_path):
    tags = [v.etag for v in write(tmp_path, page("/")).entries["/"].variants.values()]

    assert len(set(tags)) == len(tags) == 3
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)


def test_what_compression_makes_larger_is_kept_plain_only(tmp_path):
    noise = random.Random(1).randbytes(300)

    manifest = write(tmp_path, Artefact("/logo.png", "image/png", noise))

    assert list(manifest.entries["/logo.png"].variants) == [""]
    assert not (live_directory(tmp_path) / "logo.png.gz").exists()


def test_unchanged_artefacts_are_the_same_files_and_changed_ones_are_not(tmp_path):
    first = write(tmp_path, page("/"), page("/incidents/abc"))
    old = live_directory(tmp_path)
    second = write(tmp_path, page("/", "new"), page("/incidents/abc"), version=2, now=NOW + dt.timedelta(hours=1))
    new = live_directory(tmp_path)

    for file in ("incidents/abc.html", "incidents/abc.html.gz", "incidents/abc.html.br"):
        assert (old / file).stat().st_ino == (new / file).stat().st_ino
    assert first.entries["/incidents/abc"] == second.entries["/incidents/abc"]
    assert second.entries["/"].modified == first.entries["/"].modified + 3600
    assert (new / "index.html").read_bytes() == b"new"


def test_a_second_change_within_one_second_has_a_later_date(tmp_path):
    dates = [write(tmp_path, page("/", text)).entries["/"].modified for text in "abc"]

    assert dates == [dates[0], dates[0] + 1, dates[0] + 2]
    assert (live_directory(tmp_path) / "index.html").stat().st_mtime == dates[2]


def test_a_file_that_is_no_longer_as_it_was_written_is_written_anew(tmp_path):
    write(tmp_path, page("/"))
    (live_directory(tmp_path) / "index.html.gz").write_bytes(b"")

    write(tmp_path, page("/"), version=2)

    assert gzip.decompress((live_directory(tmp_path) / "index.html.gz").read_bytes()) == page("/").body


def test_two_artefacts_never_share_a_file(tmp_path):
    with pytest.raises(UnsafePath):
        write(tmp_path, page("/a"), Artefact("/a.html", "text/css", b"x"))


def test_a_writer_that_fails_leaves_the_live_generation_and_nothing_else(tmp_path):
    write(tmp_path, page("/", "old"))

    def dies_half_way():
        yield page("/", "new")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write_generation(tmp_path, dies_half_way(), version=2, generated_at=NOW, stale_at=NOW, code="c")

    assert (live_directory(tmp_path) / "index.html").read_bytes() == b"old"
    assert len(list(tmp_path.glob("generations/*"))) == 1


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    write(tmp_path, page("/"))
    unfinished = tmp_path / "generations" / "0000000002-dead"
    never_live = tmp_path / "generations" / "0000000003-dead"
    for directory in (unfinished, never_live):
        directory.mkdir()
        (directory / "index.html").write_text("half")
    (never_live / "manifest.json").write_text("{}")
    (tmp_path / "current.new").symlink_to("nowhere")

    write(tmp_path, page("/"), version=2)

    assert not unfinished.exists()
    assert not never_live.exists()
    assert live_manifest(tmp_path).version == 2


def test_old_generations_go_but_not_the_newest_nor_those_live_a_moment_ago(tmp_path):
    names = []
    for version in range(6):
        write(tmp_path, page("/", str(version)))
        names.append(live_directory(tmp_path).name)
    assert sorted(p.name for p in tmp_path.glob("generations/*")) == names

    age_generations(tmp_path, 120)
    write(tmp_path, page("/", "last"))

    assert sorted(p.name for p in tmp_path.glob("generations/*"))[:-1] == names[-2:]


def test_an_asset_of_an_earlier_page_is_answered_for_a_week_more(tmp_path):
    write(tmp_path, page("/"), asset("page.1.css", "old"))
    for days in (0, 7):
        write(tmp_path, page("/"), asset("page.2.css", "new"), now=NOW + dt.timedelta(days=days))
        assert (live_directory(tmp_path) / "assets/page.1.css").read_bytes() == b"old" * 20
        assert set(live_manifest(tmp_path).entries) == {"/", "/assets/page.1.css", "/assets/page.2.css"}

    write(tmp_path, page("/"), asset("page.2.css", "new"), now=NOW + dt.timedelta(days=9))

    assert set(live_manifest(tmp_path).entries) == {"/", "/assets/page.2.css"}


def test_a_page_that_is_gone_is_gone_at_once(tmp_path):
    write(tmp_path, page("/"), page("/incidents/abc"))
    write(tmp_path, page("/"))

    assert set(live_manifest(tmp_path).entries) == {"/"}
    assert not (live_directory(tmp_path) / "incidents").exists()


def test_a_damaged_manifest_counts_as_none_and_is_replaced(tmp_path):
    write(tmp_path, page("/"))
    damaged = live_directory(tmp_path)
    (damaged / "manifest.json").write_text('{"version": 1')
    read_manifest.cache_clear()

    assert live_manifest(tmp_path) is None
    with pytest.raises(DamagedGeneration):
        read_manifest(damaged)

    write(tmp_path, page("/", "new"))
    assert live_manifest(tmp_path) is not None


def test_every_generation_has_a_name_of_its_own_that_sorts_by_age(tmp_path):
    names = []
    for letter in string.ascii_lowercase[:12]:
        write(tmp_path, page("/", letter))
        names.append(live_name(tmp_path))

    assert names == sorted(set(names))
