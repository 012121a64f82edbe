"""The figures pbxd publishes: what each one is called and means, and which facts move it. Pure."""

from pbxd.figures.again import called_before
from pbxd.figures.catalogue import CATALOGUE, Figure, Kind, Label, figure
from pbxd.figures.counting import Figures, repeat_call
from pbxd.figures.flows import flow_counts
from pbxd.figures.handling import agent_times, staff_readings
from pbxd.figures.reading import Reading, queue_readings
from pbxd.figures.service import threshold_readings
from pbxd.figures.surveys import survey_counts
from pbxd.figures.thresholds import Thresholds
from pbxd.figures.transfers import caller_rescued, refusals

__all__ = [
    "CATALOGUE",
    "Figure",
    "Figures",
    "Kind",
    "Label",
    "Reading",
    "Thresholds",
    "agent_times",
    "called_before",
    "caller_rescued",
    "figure",
    "flow_counts",
    "queue_readings",
    "refusals",
    "repeat_call",
    "staff_readings",
    "survey_counts",
    "threshold_readings",
]
