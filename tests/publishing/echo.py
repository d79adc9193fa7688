"""Stands for Django on the Unix socket in tests of the server in front: tells what arrives.

/admin/slow is answered when the file is gone that its query names."""

from __future__ import annotations

import json
import os
import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    if path == "/admin/slow":
        while os.path.exists(environ["QUERY_STRING"]):
            time.sleep(0.01)
    arrived = {name: value for name, value in environ.items() if isinstance(value, str)}
    arrived["body"] = body.decode("latin-1")
    answer = json.dumps(arrived).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(answer))),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Frame-Options", "SAMEORIGIN"),
    ]
    start_response("302 Found" if path == "/admin/elsewhere" else "200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer]
