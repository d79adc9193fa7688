"""The texts that come with the product, by the name under which each is installed once. Staff make them their own."""

from __future__ import annotations

from incidents.choices import DataStatement, IncidentStatus, TemplateKind
from incidents.prepared import Prepared

INCIDENT, MAINTENANCE, UPDATE = TemplateKind.INCIDENT, TemplateKind.MAINTENANCE, TemplateKind.UPDATE

SHIPPED = {
    "first-message": Prepared(
        INCIDENT,
        "First message, scope unknown",
        title="Problem with ((functions))",
        body=(
            "Something is wrong with ((functions)). We do not know yet how far it reaches.\n\n"
            "We are looking into it now. The next update comes by ((next update)), also if there is nothing new."
        ),
        status=IncidentStatus.INVESTIGATING,
        data_statement=DataStatement.NOT_YET_KNOWN,
        next_update_minutes=20,
    ),
    "slow": Prepared(
        INCIDENT,
        "A function is slow",
        title="((functions)): slower than usual",
        body=(
            "Affected: ((functions)). It works, but takes longer than usual: ((how long it takes now)).\n\n"
            "Everything you send or save is accepted. You need not repeat it.\n\n"
            "The next update comes by ((next update))."
        ),
        status=IncidentStatus.INVESTIGATING,
        data_statement=DataStatement.DELAYED_NOT_LOST,
        advice_during="Give it more time than usual. Trying again makes it no faster.",
        next_update_minutes=20,
    ),
    "unavailable": Prepared(
        INCIDENT,
        "A function is unavailable",
        title="((functions)): not available",
        body=(
            "Not available at the moment: ((functions)). What you will see: ((what customers see)).\n\n"
            "We are working on it. The next update comes by ((next update))."
        ),
        status=IncidentStatus.INVESTIGATING,
        data_statement=DataStatement.NOT_YET_KNOWN,
        next_update_minutes=20,
    ),
    "delayed": Prepared(
        INCIDENT,
        "Data is delayed, not lost",
        title="((functions)): delayed",
        body=(
            "Affected: ((functions)). What you send is accepted and kept, but worked off late: ((how late)).\n\n"
            "Nothing is lost. You need not send anything again. The next update comes by ((next update))."
        ),
        status=IncidentStatus.IDENTIFIED,
        data_statement=DataStatement.DELAYED_NOT_LOST,
        advice_during="Do not send the same thing twice: both would arrive.",
        next_update_minutes=30,
    ),
    "planned-work": Prepared(
        MAINTENANCE,
        "Planned maintenance",
        title="((what will be done))",
        body=(
            "We will ((what will be done, in one sentence)).\n\n"
            "It begins on ((work starts)) and ends by ((work ends)). When it is over we post the all-clear here."
        ),
        data_statement=DataStatement.NONE_EXPECTED_LOST,
        advice_before="Nothing.",
        reason="((why it is needed, and what it makes better))",
        work_minutes=120,
    ),
    "power-or-network": Prepared(
        MAINTENANCE,
        "Power or network work",
        title="Work on the ((power supply or network))",
        body=(
            "From ((work starts)) to ((work ends)) there is work on the ((power supply or network)) of our servers. "
            "We shut the servers down in order and start them again.\n\n"
            "Not available meanwhile: ((functions)). When it is over we post the all-clear here."
        ),
        data_statement=DataStatement.NONE_EXPECTED_LOST,
        advice_before="Plan nothing that must happen between ((avoid from)) and ((avoid until)).",
        advice_during="Wait for the all-clear. What is waiting by then goes out by itself.",
        reason="((which weakness it removes, with a link to the incident that showed it))",
        work_minutes=180,
        avoid_before_minutes=180,
        avoid_after_minutes=0,
    ),
    "cause-found": Prepared(
        UPDATE,
        "Cause found",
        body=(
            "We know the cause: ((what happened)). We are ((what we do about it)).\n\n"
            "((functions)): as described above until then. The next update comes by ((next update))."
        ),
        status=IncidentStatus.IDENTIFIED,
        next_update_minutes=20,
    ),
    "fix-in-place": Prepared(
        UPDATE,
        "Fix in place, watching",
        body=(
            "The fix is in place: ((what was done)). ((functions)) should work as usual again.\n\n"
            "We keep watching before we close this notice. If you still meet trouble, please tell us. "
            "The next update comes by ((next update))."
        ),
        status=IncidentStatus.MONITORING,
        next_update_minutes=30,
    ),
    "resolved": Prepared(
        UPDATE,
        "Resolved",
        body=(
            "This is over: ((functions)) work as usual since ((when it worked again)).\n\n"
            "The cause: ((what happened)). What we do so that it does not come back: ((what follows))."
        ),
        status=IncidentStatus.RESOLVED,
        data_statement=DataStatement.NONE_LOST,
    ),
    "overruns": Prepared(
        UPDATE,
        "Maintenance takes longer",
        body=(
            "The work takes longer than planned: ((why)). It was to end on ((work ends)).\n\n"
            "Until we post the all-clear, ((functions)) stay as announced. "
            "The next update comes by ((next update))."
        ),
        status=IncidentStatus.IN_PROGRESS,
        next_update_minutes=30,
    ),
    "all-clear": Prepared(
        UPDATE,
        "All-clear, as planned",
        body=(
            "The work is done, as announced: from ((work began)) to ((work ended)).\n\n"
            "Everything works as usual. You need not do anything."
        ),
        status=IncidentStatus.COMPLETED,
        data_statement=DataStatement.NONE_LOST,
    ),
    "all-clear-with-deviations": Prepared(
        UPDATE,
        "All-clear, not all as planned",
        body=(
            "The work is done: from ((work began)) to ((work ended)). Everything works as usual.\n\n"
            "What differed from the plan: ((what differed)). What it meant for you: ((what customers noticed)).\n\n"
            "What is still to come: ((what follows, or nothing))."
        ),
        status=IncidentStatus.COMPLETED,
    ),
    "post-mortem": Prepared(
        UPDATE,
        "Post-mortem",
        body=(
            "### What happened\n\n((the course of events, with times and zone))\n\n"
            "### What it meant for you\n\n((which functions, how many customers, how long))\n\n"
            "### Why\n\n((the cause, and why nothing caught it earlier))\n\n"
            "### What we change\n\n- ((a change, and by when))\n\n"
            "We are sorry for the trouble this caused you."
        ),
        status=IncidentStatus.POSTMORTEM,
    ),
}
