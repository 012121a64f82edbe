"""What can go wrong with one action or with the link."""

from __future__ import annotations


class LinkLostError(ConnectionError):
    """The link went away before the answer came. Nobody knows whether the switch did what it was asked."""


class NotSentError(ConnectionError):
    """The action never left: there is no link, or too much is waiting to be written. Nothing was done."""


class NoAnswerError(TimeoutError):
    """The deadline for the answer passed. Nobody knows whether the switch did what it was asked."""


class LoginRefusedError(PermissionError):
    """The switch does not take this account and secret. Trying again would only get us banned."""
