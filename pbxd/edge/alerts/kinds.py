"""Which kind of sink of the settings is what."""

from __future__ import annotations

from typing import assert_never

from pbxd.edge.alerts import dingtalk, feishu, slack, teams, webhook, wecom
from pbxd.edge.alerts.mail import Mail
from pbxd.edge.alerts.post import Judge, PostSink, content_with
from pbxd.edge.alerts.sink import Sink
from pbxd.settings.alerts import AlertSink


def make_sink(sink: AlertSink, timeout_s: float) -> Sink:
    judge: Judge = content_with
    match sink.kind:
        case "email":
            assert sink.mail is not None  # the settings see to it
            return Mail(sink.mail, timeout_s=timeout_s)
        case "webhook":
            write = webhook.writer(sink.signing_secret)
        case "wecom":
            write, judge = wecom.write, wecom.judge
        case "dingtalk":
            write, judge = dingtalk.writer(sink.signing_secret), dingtalk.judge
        case "feishu":
            write, judge = feishu.writer(sink.signing_secret, sink.language), feishu.judge
        case "slack":
            write = slack.write
        case "teams":
            write = teams.write
        case _:
            assert_never(sink.kind)
    return PostSink(sink.address, write, judge, timeout_s=timeout_s)
