"""Which kind of sink of the settings is what."""

from __future__ import annotations

from typing import assert_never

from pbxd.edge.alerts.dingtalk import DingTalk
from pbxd.edge.alerts.feishu import Feishu
from pbxd.edge.alerts.mail import Mail
from pbxd.edge.alerts.post import Poster
from pbxd.edge.alerts.sink import Sink
from pbxd.edge.alerts.slack import Slack
from pbxd.edge.alerts.teams import Teams
from pbxd.edge.alerts.webhook import Webhook
from pbxd.edge.alerts.wecom import WeCom
from pbxd.settings.alerts import AlertSink


def make_sink(sink: AlertSink, timeout_s: float) -> Sink:
    if sink.kind == "email":
        assert sink.mail is not None  # the settings see to it
        return Mail(sink.mail, timeout_s=timeout_s)
    poster = Poster(sink.address, timeout_s=timeout_s)
    match sink.kind:
        case "webhook":
            return Webhook(poster, sink.signing_secret)
        case "wecom":
            return WeCom(poster)
        case "dingtalk":
            return DingTalk(poster, sink.signing_secret)
        case "feishu":
            return Feishu(poster, sink.signing_secret, sink.language)
        case "slack":
            return Slack(poster)
        case "teams":
            return Teams(poster)
        case _:
            assert_never(sink.kind)
