"""An account of moto's, on request."""

from __future__ import annotations

import pytest


@pytest.fixture
def account(monkeypatch):
    # Imported here: moto takes a second, and most unit tests do without it.
    import boto3
    from moto import mock_aws

    from unit.account import Account, Calls, client

    with mock_aws():
        monkeypatch.setattr(boto3, "client", client)
        yield Account(Calls(monkeypatch))
