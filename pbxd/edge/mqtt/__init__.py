"""Screen pops, states and records for other programs, by an MQTT broker."""

from pbxd.edge.mqtt.publisher import Mqtt

__all__ = ["Mqtt"]
