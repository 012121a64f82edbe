"""The document that docs/handover.md shows is one that pbxd could send."""

import json
import re
from pathlib import Path

import jsonschema

from pbxd.transfers.handover import closed_schema, schema

REPO = Path(__file__).parents[2]


def test_the_sample_hand_over_is_valid() -> None:
    page = (REPO / "docs/handover.md").read_text()
    shown = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    jsonschema.Draft202012Validator(schema()).validate(json.loads(shown[1]))


def test_every_field_of_the_schemas_is_described() -> None:
    def undescribed(part: object, path: str) -> list[str]:
        if not isinstance(part, dict):
            return []
        found = [
            f"{path}.{name}"
            for name, field in part.get("properties", {}).items()
            if "description" not in field and "const" not in field
        ]
        for name, field in part.get("properties", {}).items():
            found += undescribed(field, f"{path}.{name}") + undescribed(field.get("items"), f"{path}.{name}")
        return found

    for each in (schema(), closed_schema()):
        jsonschema.Draft202012Validator.check_schema(each)
        assert undescribed(dict(each), "") == []
