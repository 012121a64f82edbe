"""Who exists on the switch, who hears whom, and whose journey it is. Pure: no clock, no socket, no log."""
