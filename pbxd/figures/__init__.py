"""The figures pbxd publishes: what each one is called and means, and which facts move it. Pure."""

from pbxd.figures.catalogue import CATALOGUE, Figure, Kind, Label, figure
from pbxd.figures.counting import Figures, flow_left, repeat_call
from pbxd.figures.reading import Reading, queue_readings
from pbxd.figures.transfers import caller_rescued, refusals

__all__ = [
    "CATALOGUE",
    "Figure",
    "Figures",
    "Kind",
    "Label",
    "Reading",
    "caller_rescued",
    "figure",
    "flow_left",
    "queue_readings",
    "refusals",
    "repeat_call",
]
