"""An example of a script step: is somebody there at this hour?  function: working_hours:now

A script gets pyst2's AGI object. What it returns chooses the next step (``results`` in the flow file).
"""

from datetime import datetime


def now(agi):
    moment = datetime.now().astimezone()
    open_now = moment.weekday() < 5 and 9 <= moment.hour < 18
    agi.verbose(f"working hours: {'open' if open_now else 'closed'}", 3)
    return "open" if open_now else "closed"
