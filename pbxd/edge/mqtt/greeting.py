"""How the broker is reached: by which version of the protocol, under which name, and when again."""

from __future__ import annotations

import json
import random
import ssl
from urllib.parse import urlsplit

import aiomqtt
import structlog

from pbxd.edge.mqtt.broker import (
    Broker,
    HungUpError,
    MqttConnectError,
    ProtocolVersion,
    tls_context,
    wants_older,
)
from pbxd.edge.mqtt.shelf import Count
from pbxd.settings.connections import Mqtt as Settings

log = structlog.get_logger("pbxd.mqtt")

RETRY_FIRST_S = 0.25
TRY_OLDER = 4  #: every so many unanswered greetings the older version of the protocol is tried


class Greeting:
    """Says hello to the broker and learns from what comes of it. ValueError when the CA file is no use."""

    def __init__(self, settings: Settings, count: Count) -> None:
        self._settings = settings
        self._count = count
        self._tls = _tls(settings)
        self._protocol = ProtocolVersion.V5
        self._hung_up = 0  #: greetings in a row that the broker did not answer
        self._away = False
        self._pause_s = RETRY_FIRST_S

    def broker(self) -> Broker:
        """The next connection to try."""
        settings = self._settings
        parts = urlsplit(settings.url)
        online, payload = self.online(False)
        return Broker(
            parts.hostname or "localhost",
            parts.port or (8883 if self._tls else 1883),
            client_id=settings.client_id,
            username=settings.username,
            password=settings.login_password,
            tls=self._tls,
            protocol=self._protocol,
            timeout_s=settings.connect_timeout,
            keepalive_s=settings.keepalive,
            will=aiomqtt.Will(online, payload, qos=1, retain=True),
        )

    def online(self, online: bool) -> tuple[str, bytes]:
        """The topic and payload that tell whether this pbxd is there; the broker says so if we cannot."""
        topic = f"{self._settings.prefix}/{self._settings.client_id}/online"
        return topic, json.dumps({"version": 1, "online": online}).encode()

    def taken(self) -> None:
        """The broker has taken us."""
        log.info("mqtt.connected", url=self._settings.url, protocol=self._protocol.name)
        self._pause_s, self._hung_up, self._away = RETRY_FIRST_S, 0, False

    def failed(self, error: Exception, *, waiting: int) -> None:
        """The broker could not be reached, refused us, or was lost. ``waiting``: messages for it."""
        refused = isinstance(error, MqttConnectError)
        self._count("pbxd_mqtt_faults_total", reason="refused" if refused else "connection")
        if wants_older(error):
            self._protocol = ProtocolVersion.V311
        elif isinstance(error, HungUpError):
            # Some older brokers just hang up on MQTT 5, but so does any that is being restarted.
            self._hung_up += 1
            older = self._hung_up % TRY_OLDER == 0
            self._protocol = ProtocolVersion.V311 if older else ProtocolVersion.V5
        if not self._away:
            self._away = True
            log.error("mqtt.away", url=self._settings.url, error=str(error), waiting=waiting)

    def pause_s(self) -> float:
        """Seconds to wait before the next try; longer each time, and never the same for all."""
        pause = self._pause_s * random.uniform(0.5, 1.0)
        self._pause_s = min(self._pause_s * 2, self._settings.retry_most)
        return pause


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.url.startswith("mqtts:"):
        return None
    try:
        return tls_context(settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"mqtt.ca_file: {settings.ca_file}: {error}") from error
