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
    changed_shards,
    file_name,
    live_directory,
    live_manifest,
    live_name,
    place_of,
    read_manifest,
    shards_of,
    subject_of,
    walk,
    walk_shard,
)
from publishing.pruning import empty_bin, set_aside
from publishing.writing import Rendered, ShardUpdate, write_generation
from tests.make import utc

pytestmark = pytest.mark.any_database

HTML = "text/html; charset=utf-8"
NOW = utc(2026, 1, 3, 12)


def page(path: str, text: str = "<p>All systems work.</p>" * 20) -> Artefact:
    return Artefact(path, HTML, text.encode())


def write(root, *artefacts, version=1, now=NOW):
    """A generation of these artefacts and no others."""
    live = live_manifest(root)
    shards = {place: {} for place, _ref in shards_of(root, live)} if live else {}
    for artefact in artefacts:
        if place := place_of(artefact.path):
            subjects = shards.setdefault(place, {})
            name = subject_of(artefact.path, place)
            subjects[name] = Rendered((*(subjects[name].artefacts if name in subjects else ()), artefact))
    return write_generation(
        root,
        [artefact for artefact in artefacts if not place_of(artefact.path)],
        version=version,
        generated_at=now,
        stale_at=now + dt.timedelta(hours=12),
        code="c",
        shards=[ShardUpdate(place, subjects, is_whole=True) for place, subjects in shards.items()],
    )


def entries(root):
    return {path: entry for path, entry, _file in walk(live_directory(root))}


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
        ("/incidents/abc", HTML, "abc.html"),
        ("/components/abc/badge.svg", "image/svg+xml", "abc/badge.svg"),
        ("/history/2013/11", HTML, "11.html"),
        ("/history.atom", "application/atom+xml", "history.atom"),
        ("/assets/page.1f3a9c02.css", "text/css", "assets/page.1f3a9c02.css"),
        ("/api/v2/summary.json", "application/json", "api/v2/summary.json"),
    ],
)
def test_each_path_has_a_file_in_its_place(path, content_type, file):
    assert file_name(path, content_type) == file


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "index.html"),
        ("/incidents/abc", "incidents/a/ab/abc.html"),
        ("/incidents/abc.json", "incidents/a/ab/abc.json"),
        ("/components/abc/badge.svg", "components/a/ab/abc/badge.svg"),
        ("/history/2013/11", "history/2013/11.html"),
        ("/history.atom", "history.atom"),
    ],
)
def test_a_file_server_finds_each_file_below_the_live_generation(tmp_path, path, file):
    artefact = page(path) if file.endswith("html") else Artefact(path, "text/plain", b"text" * 50)
    write(tmp_path, artefact)

    assert (tmp_path / "current" / file).read_bytes() == artefact.body


@pytest.mark.parametrize(
    "path",
    [
        *["", "a", "//", "//a", "/a/", "/a//b", "/..", "/../a", "/a/../b", "/./a", "/.a", "/a/.b", "/a\0b", "/a\n"],
        *["/a b", "/%2e%2e/a", "/a\\b", "/ä", "/manifest.json", "/page.gz", "/page.br", "/" + "a" * 600],
        "/" + "a" * 151,
        *[
            "/incidents/a",
            "/history/feed.json",
            "/incidents/",
            "/history/2013/manifest.json",
            "/incidents/manifest.json",
        ],
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
    plain = (live / "incidents/a/ab/abc.html").read_bytes()
    assert plain == page("/").body
    assert gzip.decompress((live / "incidents/a/ab/abc.html.gz").read_bytes()) == plain
    assert brotli.decompress((live / "incidents/a/ab/abc.html.br").read_bytes()) == plain
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

    for file in (f"incidents/a/ab/abc.html{suffix}" for suffix in ("", ".gz", ".br")):
        assert (old / file).stat().st_ino == (new / file).stat().st_ino
    assert first.trees == second.trees
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

    set_aside(tmp_path)
    assert sorted(p.name for p in tmp_path.glob("generations/*")) == names

    age_generations(tmp_path, 120)
    set_aside(tmp_path)
    empty_bin(tmp_path)

    assert sorted(p.name for p in tmp_path.glob("generations/*")) == names[-3:]
    assert [p.name for p in tmp_path.glob("bin/*")] == []


def test_a_shard_goes_with_the_last_generation_that_names_it(tmp_path):
    for version in range(6):
        write(tmp_path, page("/", str(version)), page("/incidents/abc", str(version)), page("/incidents/xyz"))
    (tmp_path / "shards" / "dead").mkdir()  # of a writer that was killed
    shared = dict(shards_of(tmp_path, live_manifest(tmp_path)))["incidents", "x", "xy"].id

    age_generations(tmp_path, 120)
    set_aside(tmp_path)

    needed = set()
    for directory in tmp_path.glob("generations/*"):
        for place, ref in shards_of(tmp_path, read_manifest(directory)):
            needed.add(ref.id)
            assert (directory.joinpath(*place) / "manifest.json").exists()
    leaves = {p.parent.name for p in tmp_path.glob("shards/*/*.html")}
    assert leaves == needed
    assert shared in needed


def test_a_change_costs_one_shard_and_the_branches_above_it(tmp_path):
    others = [page(f"/incidents/{letter}{number}x") for letter in "abc" for number in range(5)]
    write(tmp_path, page("/"), *others, page("/incidents/xyz", "old"))
    before, first = set(tmp_path.glob("shards/*")), live_manifest(tmp_path)

    write(tmp_path, page("/"), *others, page("/incidents/xyz", "new"))

    assert len(set(tmp_path.glob("shards/*")) - before) == 3
    ((place, old, new),) = changed_shards(tmp_path, first, live_manifest(tmp_path))
    assert place == ("incidents", "x", "xy")
    assert [file.read_bytes() for ref in (old, new) for _path, _entry, file in walk_shard(tmp_path, ref)] == [
        b"old",
        b"new",
    ]


def test_what_no_update_names_stays_as_it_is(tmp_path):
    write(tmp_path, page("/"), page("/incidents/abc"), page("/incidents/abd"))
    update = ShardUpdate(("incidents", "a", "ab"), {"abd": None})
    write_generation(tmp_path, [page("/")], version=2, generated_at=NOW, stale_at=NOW, code="c", shards=[update])

    assert set(entries(tmp_path)) == {"/", "/incidents/abc"}


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
