"""Programs and people who act for agents: bearer tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from pbxd.ids import AgentId

_LONGEST = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody with a token. A token is long and random, so a plain SHA-256 of it gives nothing away."""

    name: str
    token_sha256: str  #: 64 hexadecimal digits
    agents: frozenset[AgentId] | None = None  #: for whom he may act; None: for everybody

    def may_act_for(self, agent: str) -> bool:
        return self.agents is None or agent in self.agents


class Operators:
    def __init__(self, operators: Iterable[Operator]) -> None:
        self._operators = tuple(operators)

    def with_token(self, token: str) -> Operator | None:
        """Whose token it is; takes as long for a wrong one."""
        if not token or len(token) > _LONGEST:
            return None
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = [each for each in self._operators if hmac.compare_digest(each.token_sha256.lower(), given)]
        return found[0] if found else None
