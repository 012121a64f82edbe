"""The section about traces: where each caller's journey is sent for OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from pbxd.settings.section import Section, one_secret
from pbxd.settings.values import Deadline, Folder, Like, Secret, SecretFile, Size


class Traces(Section):
    """Each journey as a trace, by OTLP over HTTP. Needs the extra `pbxd[otel]`."""

    endpoint: Annotated[
        str, Like(r"https?://[^\s@/]+(?:/[^\s]*)?", "the whole http or https address, without a password")
    ] = Field(
        default="http://127.0.0.1:4318/v1/traces", description="The collector's address for traces, whole."
    )
    authorization: Secret | None = Field(
        default=None, description="The `Authorization` header. Better: `authorization_file`."
    )
    authorization_file: SecretFile | None = Field(
        default=None, description="A file that holds it, one line, e.g. `Bearer …`."
    )
    headers: dict[
        Annotated[str, Like(r"[A-Za-z0-9-]{1,64}", "a header's name")],
        Annotated[str, Like(r"[\x20-\x7e]*", "printable ASCII")],
    ] = Field(default={}, description="Further headers that are no secret, e.g. `{X-Scope-OrgID: support}`.")
    ca_file: Folder | None = Field(
        default=None, description="Certificates to trust (PEM) instead of the system's."
    )
    timeout: Deadline = Field(default=10.0, description="For one request, with its further tries.")
    queue: Size = Field(default=2048, description="Spans that may wait; then the oldest are dropped.")
    service: str = Field(default="pbxd", min_length=1, description="The traces' `service.name`.")
    instance: str = Field(
        default="", description="Their `service.instance.id`; the machine's name when left out."
    )
    numbers: bool = Field(default=False, description="Tell the collector the callers' numbers.")

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        one_secret(self.authorization, self.authorization_file, "authorization")
        return self

    def all_headers(self) -> Mapping[str, str]:
        """What goes with each request, the secret one among them."""
        secret = one_secret(self.authorization, self.authorization_file, "authorization")
        return self.headers if secret is None else {**self.headers, "Authorization": secret}
