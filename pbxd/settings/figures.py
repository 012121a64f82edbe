"""What the figures count as soon, as short, and as done with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pbxd.settings.section import Section
from pbxd.settings.transfers import QueueName
from pbxd.settings.values import Deadline, Duration


class QueueFigures(Section):
    """What is different for callers of this queue."""

    service_level: Deadline | None = Field(default=None, description="Its threshold of the service level.")
    short_abandon: Duration | None = Field(
        default=None, description="How long a wait may last and still count as given up at once."
    )


class Figures(Section):
    """Thresholds of the figures; docs/metrics.md says what is made of them."""

    service_level: Deadline = Field(
        default=20.0,
        description="A caller who is answered within this time was answered in time: the threshold of the "
        "service level.",
    )
    short_abandon: Duration = Field(
        default=5.0,
        description="A caller who gives up within this time dialled by mistake, or changed his mind: he can "
        "be left out of the abandonment rate.",
    )
    first_contact_days: Annotated[float, Field(gt=0, le=90)] = Field(
        default=7,
        description="A call was enough when its caller does not call again about the same subject for so "
        "many days; 0.5 is half a day.",
    )
    queues: dict[QueueName, QueueFigures] = Field(default={}, description="Exceptions, by queue.")
