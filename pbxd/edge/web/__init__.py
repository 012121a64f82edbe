"""The agents' pages: sign-in, push, the small REST interface, and what monitoring asks for."""

from pbxd.edge.web.desk import Desk, OrderRefusedError, Part, RecentContact, WebAgent
from pbxd.edge.web.operators import Operator
from pbxd.edge.web.pages import Patience
from pbxd.edge.web.reports import Reporting
from pbxd.edge.web.server import WebEdge

__all__ = [
    "Desk",
    "Operator",
    "OrderRefusedError",
    "Part",
    "Patience",
    "RecentContact",
    "Reporting",
    "WebAgent",
    "WebEdge",
]
