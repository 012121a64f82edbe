"""The figures of the links that pbxd keeps: to Asterisk, to the store, to the broker."""

from __future__ import annotations

from pbxd.figures.figure import NODE, SWIFT_BUCKETS, Figure, Kind, Label

_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

LINK_FAULT = Label(
    name="kind",
    meaning="what the switch did wrong",
    values=("malformed", "oversized", "stray", "late_reply", "listener", "overrun"),
)
STORE_RESULT = Label(
    name="result",
    meaning="stored; spooled: kept in a file until the store is back; refused: no store would ever take it; "
    "lost: dropped although everything was tried",
    values=("stored", "spooled", "refused", "lost"),
)
LOOKUP_RESULT = Label(
    name="result",
    meaning="found, or why the call went on without its history",
    values=("found", "withheld", "timeout", "away", "locked", "other"),
)

LINKS = (
    Figure(
        name="pbxd_ami_connected",
        kind=_GAUGE,
        help="Whether the AMI link is up and its inventory taken.",
        labels=(NODE,),
        unit="1 or 0",
        formula="1 when logged in and resynchronised, else 0.",
        source="the AMI link",
        edge_cases="0 also while the inventory is being taken.",
    ),
    Figure(
        name="pbxd_transfers_ready",
        kind=_GAUGE,
        help="Whether the switch can be asked for transfers: it is connected and has the dialplan for them.",
        labels=(NODE,),
        unit="1 or 0",
        formula="1 when the AMI link is up and the switch's [pbxd-transfer] of the right version, else 0.",
        source="AMI's ShowDialPlan, at each connect, after each Reload event, and every minute (every 5 "
        "seconds while it is missing)",
        edge_cases="While it is 0, transfers are refused with not_prepared or link_down (but for blind ones, "
        "where `transfers.unprepared` is blind: see pbxd_transfers_plain_total); calls go on.",
    ),
    Figure(
        name="pbxd_ami_connects_total",
        kind=_COUNTER,
        help="AMI logins that the switch accepted.",
        labels=(NODE,),
        unit="connections",
        formula="One for each login; the first of them is the start, all others are reconnects.",
        source="the AMI link",
        edge_cases="`increase()` does not see the start, so it tells the reconnects.",
    ),
    Figure(
        name="pbxd_ami_failed_connects_total",
        kind=_COUNTER,
        help="Attempts to connect to AMI that failed.",
        labels=(NODE,),
        unit="attempts",
        formula="One for each attempt that did not end in an accepted login.",
        source="the AMI link",
        edge_cases="A refused login counts once: pbxd does not try it again by itself.",
    ),
    Figure(
        name="pbxd_ami_losses_total",
        kind=_COUNTER,
        help="AMI links that were up and were lost.",
        labels=(NODE,),
        unit="links",
        formula="One for each loss: the connection closed, or the switch did not answer a ping in time.",
        source="the AMI link",
        edge_cases="The end of pbxd itself is no loss.",
    ),
    Figure(
        name="pbxd_ami_messages_total",
        kind=_COUNTER,
        help="Messages read from AMI, wanted or not.",
        labels=(NODE,),
        unit="messages",
        formula="One for each event and response.",
        source="the AMI link",
        edge_cases="Events that the switch filters out beforehand never come.",
    ),
    Figure(
        name="pbxd_ami_faults_total",
        kind=_COUNTER,
        help="Things that came over AMI and should not have, and were survived.",
        labels=(NODE, LINK_FAULT),
        unit="faults",
        formula="One for each message that lacks what it must have, is too large, answers nothing, or made a "
        "listener fail; and for each time reading was paused because the daemon fell behind (overrun).",
        source="the AMI link",
        edge_cases="None of them ends the link.",
    ),
    Figure(
        name="pbxd_resync_corrections_total",
        kind=_COUNTER,
        help="Facts that had been missed and were found by an inventory.",
        labels=(NODE,),
        unit="facts",
        formula="Facts that the difference between model and inventory made necessary.",
        source="facts that are marked as missed",
        edge_cases="The first inventory after the start corrects nothing: there was no picture before.",
    ),
    Figure(
        name="pbxd_agi_served_total",
        kind=_COUNTER,
        help="FastAGI sessions that were served.",
        unit="sessions",
        formula="One for each session, when it ends.",
        source="the FastAGI server",
        edge_cases="Also those that were refused or broke.",
    ),
    Figure(
        name="pbxd_agi_sessions",
        kind=_GAUGE,
        help="FastAGI sessions in progress.",
        unit="sessions",
        formula="Number of open sessions at the scrape.",
        source="the FastAGI server",
        edge_cases="A caller who plays with a menu has one; one who waits in a queue has none.",
    ),
    Figure(
        name="pbxd_agi_faults_total",
        kind=_COUNTER,
        help="FastAGI sessions with something wrong, by kind.",
        labels=(Label(name="kind", meaning="what was wrong"),),
        unit="faults",
        formula="One for each fault; a session may have several.",
        source="the FastAGI server",
        edge_cases="The caller of such a session goes on in the dialplan.",
    ),
)

STORE = (
    Figure(
        name="pbxd_store_contacts_total",
        kind=_COUNTER,
        help="Contacts that were to be remembered, by what became of them.",
        labels=(STORE_RESULT,),
        unit="contacts",
        formula="One for each; a spooled one counts again as stored when it gets there.",
        source="Remember",
        edge_cases="`lost` must be 0 for ever.",
    ),
    Figure(
        name="pbxd_store_commit_seconds",
        kind=_HISTOGRAM,
        help="Time one commit of contacts took.",
        unit="seconds",
        formula="From the start of the transaction to its end, whatever number of contacts it holds.",
        source="the store",
        edge_cases="Commits that failed are not observed (see pbxd_store_faults_total).",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_store_lookup_seconds",
        kind=_HISTOGRAM,
        help="Time a look-up of a caller's history took, of those that were answered in time.",
        unit="seconds",
        formula="From the LookUp effect to its answer.",
        source="LookUp",
        edge_cases="Those that came too late are not observed.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_store_lookups_total",
        kind=_COUNTER,
        help="Look-ups of callers' histories, by result.",
        labels=(LOOKUP_RESULT,),
        unit="look-ups",
        formula="One for each; all but `found` left the call without its history.",
        source="LookUp",
        edge_cases="`withheld` is no fault: there is no number to look for.",
    ),
    Figure(
        name="pbxd_store_keep_seconds",
        kind=_HISTOGRAM,
        help="Time until the state of an open transfer, or of a caller in progress, was kept durably.",
        unit="seconds",
        formula="From the change to the end of the transaction that holds it; outages are part of it.",
        source="KeepTransfer, KeepDossier, KeepJourney",
        edge_cases="Of changes that follow each other faster than they can be written, only the last is.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_store_faults_total",
        kind=_COUNTER,
        help="Faults of the store.",
        labels=(
            Label(
                name="kind",
                meaning="what went wrong",
                values=("away", "timeout", "locked", "disk_full", "schema", "spool", "other"),
            ),
        ),
        unit="faults",
        formula="One for each operation that failed.",
        source="the store",
        edge_cases="A commit that is tried again and fails again counts again.",
    ),
    Figure(
        name="pbxd_mqtt_connected",
        kind=_GAUGE,
        help="Whether the MQTT broker is connected.",
        unit="1 or 0",
        formula="1 when connected.",
        source="the MQTT edge",
        edge_cases="Absent when no broker is configured.",
    ),
    Figure(
        name="pbxd_mqtt_messages_total",
        kind=_COUNTER,
        help="Messages for the MQTT broker, by what became of them.",
        labels=(
            Label(
                name="result",
                meaning="delivered: the broker has it; the others never got there",
                values=("delivered", "refused", "unsendable", "no_room", "too_old"),
            ),
        ),
        unit="messages",
        formula="One for each message and result.",
        source="Publish",
        edge_cases="One that is sent twice because the acknowledgement was lost counts as delivered once.",
    ),
    Figure(
        name="pbxd_mqtt_delivery_seconds",
        kind=_HISTOGRAM,
        help="Time from making a message to the broker's acknowledgement.",
        unit="seconds",
        formula="When the broker acknowledged it less when it was made; outages are part of it.",
        source="Publish",
        edge_cases="Over a restart of pbxd too, so a long outage shows as a few very long ones.",
        buckets=SWIFT_BUCKETS,
    ),
    Figure(
        name="pbxd_mqtt_faults_total",
        kind=_COUNTER,
        help="Faults on the way to the MQTT broker.",
        labels=(
            Label(
                name="reason",
                meaning="what went wrong",
                values=("connection", "refused", "outbox", "subscribe", "defect"),
            ),
        ),
        unit="faults",
        formula="One for each lost or refused connection, each outbox that did not answer, each subscription "
        "that the broker does not allow, each bug of pbxd.",
        source="the MQTT edge",
        edge_cases="Each attempt to connect counts.",
    ),
    Figure(
        name="pbxd_mqtt_commands_total",
        kind=_COUNTER,
        help="Orders of other programs that came by the MQTT broker.",
        labels=(
            Label(
                name="result",
                meaning="what became of it; unreadable: it made no sense; forbidden: for an agent who is not "
                "released for this; repeated: it had come already",
                values=("done", "refused", "unknown", "unreadable", "forbidden", "repeated"),
            ),
        ),
        unit="orders",
        formula="One for each.",
        source="the MQTT edge",
        edge_cases="One without an answer in time counts as unknown, whatever became of it.",
    ),
    Figure(
        name="pbxd_mqtt_outbox_messages",
        kind=_GAUGE,
        help="Messages that wait for the broker.",
        unit="messages",
        formula="Length of the outbox at the scrape.",
        source="the MQTT edge",
        edge_cases="Absent when no broker is configured.",
    ),
)
