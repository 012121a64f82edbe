"""What all sections of the settings have in common."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class Section(BaseModel):
    """A mapping of the file: unknown keys are mistakes, a key without a value keeps its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


def one_secret(secret: SecretStr | None, from_file: SecretStr | None, name: str) -> str | None:
    if secret is not None and from_file is not None:
        raise ValueError(f"give {name} or {name}_file, not both")
    given = secret or from_file
    return None if given is None else given.get_secret_value()


def without_password(url: str, schemes: tuple[str, ...]) -> str:
    if not url.startswith(tuple(f"{scheme}:" for scheme in schemes)):
        raise ValueError(f"must begin with {', '.join(f'{s}:' for s in schemes)}")
    if re.match(r"[^/]+//[^/@]*:[^/@]*@", url):
        raise ValueError("must not hold the password: use password_file")
    return url
