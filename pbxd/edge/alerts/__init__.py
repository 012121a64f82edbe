"""Tells people of alerts: by web hooks, mail and the robots of group chats. Never touches calls."""

from pbxd.edge.alerts.edge import AlertEdge

__all__ = ["AlertEdge"]
