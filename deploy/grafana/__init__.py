"""Grafana dashboards of pbxd's figures, made by code and kept as JSON beside it."""
