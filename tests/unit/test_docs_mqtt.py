"""The document that docs/mqtt.md shows is one that pbxd could send."""

import json
import re
from pathlib import Path

import jsonschema

REPO = Path(__file__).parents[2]


def test_the_sample_screen_pop_is_valid() -> None:
    page = (REPO / "docs/mqtt.md").read_text()
    shown = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    schema = json.loads((REPO / "pbxd/screenpop/screenpop.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(shown[1]))
