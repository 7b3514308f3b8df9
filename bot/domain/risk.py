"""How dangerous an action is, and how urgent an event is."""

from enum import StrEnum


class Risk(StrEnum):
    """What an action can do to the platform; approvals follow from it."""

    READ_ONLY = "read-only"
    ROUTINE = "routine"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


class Severity(StrEnum):
    """Of incidents and alerts only. Source: Maintenance Guide, Escalation Matrix."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
