"""Small flows for the tests of walking."""

from __future__ import annotations

from pbxd.edge.flow_files.load import parse_flow
from pbxd.ivr.flow import Flow
from pbxd.ivr.rehearsal import SOMEBODY as ME
from pbxd.ivr.rehearsal import Rehearsal as Walked

__all__ = ["ME", "Walked", "small"]

HEAD = "languages: [en]\nstart: a\non_failure: { queue: rescue, subject: broken }\n"


def small(steps: str, *, prompts: str = "p: { en: Hello. }, q: { en: Wrong. }", head: str = HEAD) -> Flow:
    """A flow that starts at step ``a`` and may end at ``end``, queue ``q``."""
    text = f"{head}prompts: {{ {prompts} }}\nsteps:\n{steps}\n  end: {{ type: queue, queue: q }}\n"
    return parse_flow(text, "small.yaml", "small").flow
