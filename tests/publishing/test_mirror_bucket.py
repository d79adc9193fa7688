"""A mirror in a bucket of a real S3 server, over HTTP."""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from django.core.management import CommandError, call_command

from incidents.models import Component, Page
from publishing.live import CACHE_FOREVER, CACHE_PAGE
from publishing.mirror.bring import bring
from publishing.mirror.bucket import Bucket
from publishing.mirror.files import PublicFile, public_files
from publishing.mirror.job import MirrorJob
from publishing.mirror.ledger import CHANGES, LEASE, Ledger
from publishing.mirror.target import Overtaken, TargetProblem
from publishing.publish import write_page
from publishing.state import Mirror
from tests.make import make_component, make_incident, make_page, utc
from tests.publishing.mirrors import HOME, own_port, public_paths
from tests.servers import get, running, wait_for

pytestmark = [pytest.mark.django_db, pytest.mark.processes]

NOW = utc(2026, 1, 3, 12)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[str]:
    port = own_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, env={"PATH": ""}, log=tmp_path_factory.mktemp("store") / "log"):
        wait_for(lambda: get(f"http://127.0.0.1:{port}/moto-api/")[0] == 200, seconds=40, what="the S3 server")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(store, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL_S3": store,
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "of tests",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def bucket(client, request) -> str:
    name = request.node.name.replace("_", "-")[:60].strip("-").lower()
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture(autouse=True)
def page(settings):
    settings.PUBLIC_URL = HOME
    make_page()
    mail = make_component("Mailings")
    make_incident("Slow mailings", components={mail.pk: "partial_outage"})


def job_for(bucket: str, prefix: str = "/status") -> MirrorJob:
    return MirrorJob(f"s3://{bucket}{prefix}", Mirror(HOME, HOME), stale_after=dt.timedelta(minutes=15))


def render_mirror(root: Path) -> list[PublicFile]:
    write_page(root, NOW, upgrade=True, mirror=Mirror(HOME, HOME))
    return list(public_files(root))


class RawBody(io.BytesIO):
    def stream(self):
        yield self.read()


def times_written(client, bucket: str) -> dict[str, int]:
    """How often each key was written, deletions not counted: the bucket keeps all versions."""
    counted: dict[str, int] = {}
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            counted[version["Key"]] = counted.get(version["Key"], 0) + 1
    return counted


def keys(client, bucket: str) -> set[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def test_every_public_path_is_a_key_with_the_type_it_is_served_with(client, bucket, store):
    job_for(bucket).run(NOW)

    for path in public_paths(NOW):
        key = {"/": "index.html", "/404": "404.html"}.get(path, path[1:])
        answer = client.get_object(Bucket=bucket, Key=f"status/{key}")
        kept = CACHE_FOREVER if path.startswith("/assets/") else CACHE_PAGE
        assert answer["CacheControl"] == kept, path
        assert "ContentEncoding" not in answer
        if path.startswith("/incidents/") and "." not in path:
            assert answer["ContentType"] == "text/html; charset=utf-8"
            assert b"<h1><bdi>Slow mailings</bdi></h1>" in answer["Body"].read()
    assert client.head_object(Bucket=bucket, Key="status/history.atom")["ContentType"].startswith(
        "application/atom+xml"
    )
    assert client.head_object(Bucket=bucket, Key="status/mirror.json")["CacheControl"] == "no-cache"


def test_at_the_root_of_a_bucket_there_is_no_prefix(client, bucket):
    job_for(bucket, prefix="").run(NOW)

    assert {"index.html", "history", "mirror.json"} <= keys(client, bucket)


def test_only_what_has_changed_is_written_again(client, bucket):
    job_for(bucket).run(NOW)
    assert set(times_written(client, bucket).values()) <= {1, 2}
    before = times_written(client, bucket)

    job_for(bucket).run(NOW + dt.timedelta(seconds=1))
    make_incident("Clicks are delayed")
    job_for(bucket).run(NOW + dt.timedelta(seconds=2))

    written = {key for key, count in times_written(client, bucket).items() if count != before.get(key)}
    assert "status/index.html" in written
    assert not [key for key in written & set(before) if key.startswith(("status/assets/", "status/incidents/"))]


def test_what_is_gone_is_removed(client, bucket):
    job_for(bucket).run(NOW)
    code = Component.objects.get().code
    client.put_object(Bucket=bucket, Key="status/of-others.txt", Body=b"stays")
    Component.objects.update(archived_at=NOW)
    Page.objects.update(version=99)

    assert job_for(bucket).run(NOW).removed > 0
    assert not [key for key in keys(client, bucket) if code in key]
    assert "status/of-others.txt" in keys(client, bucket)


def test_of_two_hosts_that_find_no_lease_in_the_same_instant_one_gets_it(client, bucket):
    here, there = (Ledger(Bucket(f"s3://{bucket}/status"), name) for name in ("here", "there"))
    here.open(NOW)
    there.open(NOW)

    here.announce(["index.html"], NOW)
    with pytest.raises(Overtaken):
        there.announce(["index.html"], NOW)

    here.settle({"index.html": "1"}, NOW)
    there.open(NOW)
    assert there.marks == {"index.html": "1"}


def test_of_two_hosts_that_find_an_old_lease_in_the_same_instant_one_gets_it(client, bucket):
    gone, here, there = (Ledger(Bucket(f"s3://{bucket}/status"), name) for name in ("gone", "here", "there"))
    gone.open(NOW)
    gone.announce(["index.html"], NOW)
    here.open(NOW + LEASE)
    there.open(NOW + LEASE)

    there.announce(["index.html"], NOW + LEASE)
    with pytest.raises(Overtaken):
        here.announce(["index.html"], NOW + LEASE)
    with pytest.raises(Overtaken):
        gone.settle({"index.html": "1"}, NOW + LEASE)


def test_whoever_loses_the_race_for_the_lease_has_written_nothing(client, bucket, tmp_path):
    class RacedFor(Bucket):
        """Another host takes the lease right after this one has seen that there is none."""

        def read_tagged(self, name):
            found = super().read_tagged(name)
            other = Ledger(Bucket(f"s3://{bucket}/status"), "the other host")
            other.open(NOW)
            other.announce([], NOW)
            return found

    files, target = render_mirror(tmp_path), RacedFor(f"s3://{bucket}/status")
    with pytest.raises(Overtaken):
        bring(files, target, Ledger(target, "me"))

    assert keys(client, bucket) == {f"status/{CHANGES}"}


def test_the_lease_of_a_run_that_takes_long_is_renewed(client, bucket):
    here, there = (Ledger(Bucket(f"s3://{bucket}/status"), name) for name in ("here", "there"))
    here.open(NOW)
    here.announce(["index.html"], NOW)

    here.keep(NOW + LEASE * 0.4)
    assert times_written(client, bucket) == {f"status/{CHANGES}": 1}
    here.keep(NOW + LEASE * 0.6)

    with pytest.raises(TargetProblem, match="another host"):
        there.open(NOW + LEASE * 1.5)


def test_a_store_that_knows_no_conditions_is_written_to_without(client, bucket, tmp_path):
    def refuse(request, **_about):
        if {"If-Match", "If-None-Match"} & set(request.headers):
            body = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>"
            return AWSResponse(request.url, 501, {}, RawBody(body))
        return None

    class OldStore(Bucket):
        def __init__(self, address):
            super().__init__(address)
            self._client.meta.events.register("before-send.s3.PutObject", refuse)

    here, there = (Ledger(OldStore(f"s3://{bucket}/status"), name) for name in ("here", "there"))
    outcome = bring(render_mirror(tmp_path), OldStore(f"s3://{bucket}/status"), here)
    there.open(NOW + dt.timedelta(days=36500))

    assert outcome.written == len(there.marks) > 10
    there.announce([], NOW)
    with pytest.raises(Overtaken):
        here.announce([], NOW)


def test_a_bucket_that_is_not_there_is_told_in_one_line(client):
    with pytest.raises(CommandError, match="NoSuchBucket"):
        call_command("publish", to="s3://not-there/status")


def test_a_store_that_is_away_is_told_and_waited_for(client, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{own_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(CommandError, match="Could not connect to the endpoint URL"):
        call_command("publish", to=f"s3://{bucket}")
