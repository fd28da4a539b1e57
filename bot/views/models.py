"""The models that views lay out. They live in ``bot.domain.picture``, since services make them."""

from bot.domain.picture import ChannelRow, ChannelStatus, Overview, Removal, SetupCard

__all__ = ["ChannelRow", "ChannelStatus", "Overview", "Removal", "SetupCard"]
