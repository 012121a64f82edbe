"""The AMI link: panoramisk's Manager, hardened and sped up, and on top of it one node's link to the world."""

from pbxd.edge.ami_link.client import AmiClient, LinkState
from pbxd.edge.ami_link.errors import LinkLostError, LoginRefusedError, NoAnswerError, NotSentError
from pbxd.edge.ami_link.link import AmiLink, Inbox
from pbxd.edge.ami_link.listening import LinkCounts
from pbxd.edge.ami_link.message import AmiMessage
from pbxd.edge.ami_link.protocol import AmiProtocol

__all__ = [
    "AmiClient",
    "AmiLink",
    "AmiMessage",
    "AmiProtocol",
    "Inbox",
    "LinkCounts",
    "LinkLostError",
    "LinkState",
    "LoginRefusedError",
    "NoAnswerError",
    "NotSentError",
]
