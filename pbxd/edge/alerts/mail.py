"""A plain mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

import aiosmtplib

from pbxd.edge.alerts.sink import FailedError, Notice, RefusedError
from pbxd.settings.alerts import MailServer

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Mail:
    def __init__(
        self, server: MailServer, *, timeout_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                self._letter(notice),
                sender=server.sender,
                recipients=list(server.to),
                hostname=server.host,
                port=server.port or _PORTS[server.security],
                username=server.username,
                password=server.login_password,
                use_tls=server.security == "tls",
                # Never by chance: what was to be encrypted is not sent otherwise.
                start_tls=server.security == "starttls",
                cert_bundle=None if server.ca_file is None else str(server.ca_file),
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(max(each.code for each in error.recipients)) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _judged(error.code) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise FailedError(f"no luck with the mail server: {type(error).__name__}") from None

    def _letter(self, notice: Notice) -> EmailMessage:
        wording, server = notice.wording, self._server
        letter = EmailMessage(policy=SMTP)
        letter["Subject"] = wording.title
        letter["From"] = server.sender
        letter["To"] = ", ".join(server.to)
        letter["Date"] = formatdate(self._clock())
        letter["Message-ID"] = make_msgid(domain=server.sender.partition("@")[2])
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content("\n".join((wording.title, "", *wording.all_lines)) + "\n")
        return letter

    async def close(self) -> None:
        return


def _judged(code: int) -> Exception:
    """4xx: later, 5xx: never. A login that is refused may be mended."""
    if 500 <= code < 600 and code not in (530, 534, 535):
        return RefusedError(f"the mail server says {code}")
    return FailedError(f"the mail server says {code}")
