"""Whether a switch has what transfers need: the dialplan that pbxd's moves lead into. Pure.

Asterisk redirects to any place, and only then finds that it is none: whoever was sent there is hung up. So a
switch is asked before.
"""

from __future__ import annotations

from collections.abc import Mapping

from pbxd.transfers.moves import CONTEXT

MARK = "VERSION-3"
"""The extension by which dialplans/pbxd-transfer.conf says what it is. To be changed, there and here,
whenever pbxd needs of it what the one before does not have. In capitals: small letters are matched by the
pattern of ``pbxd-transfer-lost`` there."""

ASKED = {"Action": "ShowDialPlan", "Context": CONTEXT, "Extension": MARK}


VOICEMAIL_ASKED = {"Action": "VoicemailUserStatus"}
"""An action of app_voicemail's own. It lacks what it needs, which only app_voicemail can complain of."""


def no_voicemail(answer: Mapping[str, str]) -> str:
    """Why no caller can be sent to a mailbox, by the answer to VOICEMAIL_ASKED; empty: one can."""
    why = answer.get("Message", "")
    if why.startswith("Invalid/unknown command"):
        return "it has not loaded app_voicemail"
    return "pbxd's account may not ask for mailboxes" if why.startswith("Permission denied") else ""


def lacking(answer: Mapping[str, str]) -> str:
    """What is wrong, and what to do about it, by the headers of the answer to ASKED; empty: nothing."""
    if answer.get("Response", "").lower() == "success":
        return ""
    why = answer.get("Message", "")
    if why.startswith("Did not find context"):
        return f'its dialplan has no [{CONTEXT}]: #include "pbxd-transfer.conf", then "dialplan reload"'
    if why.startswith("Did not find extension"):
        return (
            f"its [{CONTEXT}] is not of {MARK}, which this pbxd needs: "
            'put the pbxd-transfer.conf of this pbxd in its place, then "dialplan reload"'
        )
    return f"whether its dialplan has [{CONTEXT}] it does not say: {why or 'no reason given'}"
