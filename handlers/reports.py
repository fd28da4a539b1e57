"""How well inboxes worked: the report, its file, and whether it comes each month."""

from __future__ import annotations

from bot.domain.errors import OutOfDate
from bot.domain.ticket import File
from bot.views.availability import MONTHLY_OFF, MONTHLY_ON, monthly_message, report_message
from bot.views.history import report_file_message
from handlers.context import Context, Interaction, Response
from handlers.slack_request import Surface


async def show(context: Context, interaction: Interaction) -> Response:
    """The team's addresses, the worst first, and whoever asks' own inbox."""
    report = await context.services.availabilities.report(await context.actor(interaction))
    shown = report_message(interaction.lang, report, now=context.clock(), command=context.command)
    return Response(message=shown, replaces=True)


async def file(context: Context, interaction: Interaction) -> Response:
    """A link to the file, for whoever asked only."""
    actor = await context.actor(interaction, fresh=True)
    offer = await context.services.history_export.begin(actor, File.AVAILABILITY)
    return Response(message=report_file_message(interaction.lang, url=offer.url, until=offer.expires_at))


async def monthly(context: Context, interaction: Interaction) -> Response:
    """It comes each month from now on, or no longer. The report says so when it is drawn anew; in a message
    that everybody could see, a line of its own does."""
    wanted = interaction.request.value
    if wanted not in {MONTHLY_ON, MONTHLY_OFF}:
        raise OutOfDate
    actor = await context.actor(interaction, fresh=True)
    is_wanted = wanted == MONTHLY_ON
    await context.services.monthly_reports.wanted(actor, is_wanted=is_wanted)
    if interaction.request.surface is Surface.MESSAGE and not interaction.request.is_ephemeral:
        return Response(message=monthly_message(interaction.lang, is_wanted=is_wanted))
    return await show(context, interaction)
