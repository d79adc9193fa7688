"""The product's settings on data that belongs to the suite: the operator's own is never touched.

Only DATABASE_URL is taken from outside, so that the same suite runs on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
import tempfile

_SCRATCH = tempfile.TemporaryDirectory(prefix="statuspage-tests-")
_OURS = "SECRET_KEY PUBLIC_URL ALLOWED_HOSTS EMAIL_URL EMAIL_FROM HOST PORT TRUSTED_PROXIES DEBUG DATA_DIR".split()
_OURS += "BOUNCE_ADDRESS BOUNCE_MAILBOX ANYMAIL SIGN_UPS_PER_HOUR FORGET_NOTICES_AFTER_DAYS".split()
_OURS += "EMAIL_CONNECTIONS EMAIL_PER_CONNECTION EMAIL_PER_MINUTE EMAIL_PER_MINUTE_PER_DOMAIN".split()
for _name in _OURS:
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)
os.environ["DATA_DIR"] = _SCRATCH.name
os.environ["SECRET_KEY"] = "a key for tests alone, of no worth to anybody"

from statuspage.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":  # noqa: F405
    # Whoever empties the database between two tests may meet a worker that goes on. PostgreSQL ends the transaction
    # of whoever notices the deadlock first: that is to be the worker, which is built to try again.
    DATABASES["default"]["OPTIONS"]["options"] = "-c deadlock_timeout=60s"  # noqa: F405
