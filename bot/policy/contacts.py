"""Whom the guide names; shown to people, and never mailed or called until configured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """A team and its address as the guide prints it, placeholders included."""

    team: str
    address: str


# Source: Maintenance Guide, Contact Information.
CONTACTS: tuple[Contact, ...] = (
    Contact("DevOps Team", "devops@takumi.io"),
    Contact("Security Team", "security@takumi.io"),
    Contact("On-call", "+1-XXX-XXX-XXXX"),
)
