"""What can go wrong, from the caller's side.

    EndpointError
    ├── RefusedError        the API would answer ValidationException; nothing has changed
    └── ProvisioningError   a fleet cannot serve; the message becomes the endpoint's FailureReason

What the twin itself lacks is a TwinError.
"""

from __future__ import annotations


class EndpointError(Exception):
    """Base of the errors of this package."""


class RefusedError(EndpointError):
    """The API refuses the request, with this message."""


class ProvisioningError(EndpointError):
    """The fleet cannot serve, for this reason."""
