from __future__ import annotations

from collections.abc import Callable

import pytest

from subscriptions.tokens import make_token
from tests.make import make_subscriber


@pytest.fixture
def token_path() -> Callable[[str], str]:
    """The path of a link of an active subscriber, by its purpose; what is a path already stays one."""

    def path(purpose: str) -> str:
        if purpose.startswith("/"):
            return purpose
        return f"/subscribe/{purpose}/{make_token(make_subscriber(), purpose)}"

    return path
