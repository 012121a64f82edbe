"""Asterisk's FastAGI, served: the server, the calls in flows, and users' scripts.

``server.FastAgi`` is panoramisk's Application with its reading and writing replaced; ``flow_calls`` walks
callers through flows; ``scripts`` runs users' Python with pyst2's interface.
"""

from pbxd.edge.agi_server.edge import AgiEdge

__all__ = ["AgiEdge"]
