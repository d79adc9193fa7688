"""A mirror in a bucket of any S3-compatible store. A page's key is its path: stores answer it as it is, without
redirects, on their plain address as well as on a website's.

Address, region and credentials come as boto3 takes them: AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_ACCESS_KEY_ID and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils.translation import gettext as _

from publishing.mirror.files import PublicFile, plain_name
from publishing.mirror.target import Overtaken, TargetProblem

HANDS = 8
# How a conditional write fails: another one was faster, or is under way, or has removed what we saw.
OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
UNKNOWN_CONDITION = "NotImplemented"  # by the store
REGION = "us-east-1"  # stores that have no regions take it for theirs


class Bucket:
    hands = HANDS

    def __init__(self, address: str) -> None:
        """`address` is s3://bucket/prefix; the prefix may be missing."""
        parts = urlsplit(address)
        if not parts.netloc or parts.query or parts.fragment:
            raise TargetProblem(_("%(address)s is no address of a bucket: s3://bucket/prefix") % {"address": address})
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".removeprefix("/")
        with _told():
            self._client = _client()

    def name_of(self, file: PublicFile) -> str:
        return plain_name(file) or file.path[1:]

    def read(self, name: str) -> bytes | None:
        return self.read_tagged(name)[0]

    def write(self, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> None:
        with _told():
            self._put(name, body, content_type, cache_control)

    def read_tagged(self, name: str) -> tuple[bytes | None, str]:
        with _told():
            try:
                answer = self._client.get_object(**self._at(name))
                return answer["Body"].read(), answer["ETag"]
            except self._client.exceptions.NoSuchKey:
                return None, ""

    def replace(self, tag: str, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> str:
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        with _told():
            try:
                return self._put(name, body, content_type, cache_control, **condition)
            except ClientError as problem:
                code = problem.response["Error"]["Code"]
                if code in OVERTAKEN:
                    raise Overtaken from problem
                if code != UNKNOWN_CONDITION:
                    raise
        if self.read_tagged(name)[1] != tag:  # all that such a store allows
            raise Overtaken
        with _told():
            return self._put(name, body, content_type, cache_control)

    def remove(self, name: str) -> None:
        with _told():  # one by one: not every store agrees on the checksum that a list of keys must carry
            self._client.delete_object(**self._at(name))

    def _put(self, name: str, body: bytes, content_type: str, cache_control: str, **condition: str) -> str:
        about = {"ContentType": content_type, "CacheControl": cache_control}
        return self._client.put_object(**self._at(name), Body=body, **about, **condition)["ETag"]

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}


def _client() -> Any:
    session = boto3.Session()
    config = Config(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=20,
        max_pool_connections=HANDS,
        # What AWS alone understands, and others answer with an error.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client("s3", region_name=session.region_name or REGION, config=config)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as problem:  # ValueError: an endpoint that is no address
        raise TargetProblem(str(problem)) from problem
