"""Where commands may be used: the guide's channel, which configuration replaces by an id."""

from collections.abc import Mapping

from bot.domain.commands import Place

# Source: Maintenance Guide, Alert Configuration. An empty tuple is every conversation.
CHANNEL_NAMES: Mapping[Place, tuple[str, ...]] = {
    Place.ALERTS: ("#takumi-alerts",),
    Place.ANYWHERE: (),
}
