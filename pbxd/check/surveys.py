"""The surveys after the talk: do their flows ask for a rating, and does the dialplan lead callers to them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pbxd.check.conf import Conf
from pbxd.check.findings import Finding, error, warning
from pbxd.edge.flow_files.load import FlowFile
from pbxd.ivr.flow import decisions
from pbxd.settings.yaml_source import YamlSource

CONTEXT = "pbxd-survey"


def check_surveys(
    surveys: Mapping[str, str], flows: Mapping[str, FlowFile], source: YamlSource
) -> Iterator[Finding]:
    """``surveys``: queue → flow, as the settings say; ``source`` is their file."""
    reached = {decision.queue for file in flows.values() for _, decision in decisions(file.flow)}
    for queue, name in surveys.items():
        place = source.place(("flows", "surveys", queue))
        if name not in flows:
            yield error(place, f"flows.surveys: there is no flow {name!r} that can be walked")
        elif not flows[name].flow.survey:
            yield error(place, f"flows.surveys: flow {name!r} asks for no rating: no step is of type rate")
        if queue not in reached:
            yield warning(
                place, f"flows.surveys: no flow leads to queue {queue!r}: its callers are not asked"
            )


def check_survey_context(conf: Conf, surveys: Mapping[str, str]) -> Iterator[Finding]:
    """An older pbxd.conf has no place for a survey."""
    if surveys and conf.exists and conf.category(CONTEXT) is None:
        yield error(
            conf.place,
            f"context [{CONTEXT}] is missing, so nobody hears a survey: copy pbxd.conf and "
            "pbxd-transfer.conf from dialplans/ anew",
        )
