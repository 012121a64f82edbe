"""Each caller's journey as a trace, for OpenTelemetry's collectors."""

from pbxd.edge.traces.export import Traces

__all__ = ["Traces"]
