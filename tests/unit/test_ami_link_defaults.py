"""What the settings promise of the link when nobody changes them."""

from __future__ import annotations

from pbxd.edge.ami_link import AmiClient
from pbxd.settings.model import Ami


def test_a_dead_peer_is_noticed_within_ten_seconds() -> None:
    """Silence is looked at the moment it gets too long, so the limit is the whole time it takes."""
    ami = Ami(secret="none")
    assert ami.ping_every < ami.dead_after <= 10


def test_the_client_alone_has_the_same_patience_as_the_settings() -> None:
    ami = Ami(secret="none").model_dump()
    shared = [key for key in AmiClient.defaults if key in ami and key.endswith(("timeout", "every", "after"))]
    assert len(shared) >= 4
    assert {key: AmiClient.defaults[key] for key in shared} == {key: ami[key] for key in shared}
