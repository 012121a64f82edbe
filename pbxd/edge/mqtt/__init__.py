"""Screen pops, states, records and orders of other programs, by an MQTT broker."""

from pbxd.edge.mqtt.commands import Commands
from pbxd.edge.mqtt.publisher import Mqtt

__all__ = ["Commands", "Mqtt"]
