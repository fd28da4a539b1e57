"""Keys of programs: the list, the form, and the one time that a key is shown.

The one rule: a key stands in one dialog, in no button's value and in no form's metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.api_key import OPERATOR, ApiKey, KeyFault, KeyRefused, OwnerAnswer
from bot.domain.channel import Channel
from bot.domain.features import Feature
from bot.domain.view_models import KeyRow, KeysShown
from bot.views.blocks import (
    LONGEST_BLOCK,
    Block,
    View,
    actions,
    bold,
    button,
    context,
    dialog,
    escape,
    fitting,
    inert,
    instant,
    mention,
    modal,
    plain,
    section,
)
from bot.views.buttons import KEYS, WEBHOOKS
from bot.views.i18n import Language
from bot.views.modals.inputs import NAME_BLOCK, line_input
from bot.views.text import shown

KEYS_TURN: Final = (f"{KEYS}.back", f"{KEYS}.on")
"""The same, beside each other."""
KEYS_NEW: Final = "keys.new"
KEYS_REVOKE: Final = "keys.revoke"
"""Carries the key's id."""
KEYS_INBOXES: Final = "keys.inboxes"
"""A field that searches."""
KEYS_FORM: Final = "keys.form"
"""Carries what tells this form from others."""
SCOPE_BLOCK: Final = "scope"
ADDRESSES_BLOCK: Final = "addresses"
FEATURES_BLOCK: Final = "features"
"""The beginning: boxes to tick are given ten at a time."""
LASTS_BLOCK: Final = "lasts"
NETWORKS_BLOCK: Final = "networks"
ALL_TEAM: Final = "all"
ONLY_THESE: Final = "these"

KEYS_PAGE: Final = 20
_NAMED: Final = 5
_BOXES: Final = 10
MOST_CHOSEN: Final = 100
"""As many as a form that is shown once more can begin with."""
_DAYS: Final = (30, 90, 365, 730, 1095)
_USUAL: Final = 365


def keys_modal(lang: Language, keys: KeysShown, *, start: int = 0, remark: str = "") -> View:
    """Those that work, some at a time; where nothing is left there, from the beginning."""
    start = start if 0 < start < len(keys.rows) else 0
    page = keys.rows[start : start + KEYS_PAGE]
    intro = lang.say(
        "With a key, a program gets access to inboxes that are connected here, without a consent of its own."
    )
    blocks = [
        *([section(remark)] if remark else []),
        section(escape(intro)),
        *_new(lang, keys),
        *(_row(lang, row, keys.features) for row in page),
        *([] if keys.rows or keys.over else [section(lang.say("There are no keys yet."))]),
        *turn(
            lang,
            newer=(lang.say("Newer keys"), KEYS_TURN[0]),
            older=(lang.say("Older keys"), KEYS_TURN[1]),
            start=start,
            number=len(keys.rows),
            page=KEYS_PAGE,
        ),
        *([context(_over(lang, keys.over))] if keys.over else []),
    ]
    return modal(lang.say("Program keys"), blocks, close=lang.say("Close"))


def _new(lang: Language, keys: KeysShown) -> list[Block]:
    webhooks = button(lang.say("Webhooks"), WEBHOOKS, value="0")
    if any(one.is_on for one in keys.features):
        return actions(button(lang.say("New key"), KEYS_NEW, style="primary"), webhooks)
    return [section("⚠️ " + no_features(lang)), *actions(webhooks)]


def no_features(lang: Language) -> str:
    """Why no key can be made, and who can change that."""
    return lang.together(
        lang.say("No key can be made yet: no use of inboxes is switched on that it could be for."),
        lang.say(
            "Ask whoever runs Inboxkeeper to define a feature, or to switch one on ({setting}).",
            setting="`INBOXKEEPER_FEATURES_FILE`",
        ),
    )


def _row(lang: Language, row: KeyRow, features: Sequence[Feature]) -> Block:
    key = row.key
    lines = [
        f"{bold(inert(key.name, 60))} `{key.id}`",
        lang.say("Inboxes: {inboxes}", inboxes=_inboxes(lang, row)),
        lang.say("For: {features}", features=_uses(lang, key, features)),
        _life(lang, key),
        lang.say("Looked after by {who}", who=caretaker(lang, key.created_by)),
    ]
    if key.networks:
        lines.insert(
            3, lang.say("Only from {networks}", networks=some(lang, [f"`{one}`" for one in key.networks]))
        )
    revoke = button(lang.say("Revoke key"), KEYS_REVOKE, value=key.id, style="danger", about=key.name)
    asks = dialog(
        lang.say("Revoke this key?"),
        lang.say(
            "{name} gets nothing with it any more. Access that it has been given already lasts up to 90 "
            "minutes.",
            name=shown(key.name, 60),
        ),
        yes=lang.say("Revoke key"),
        no=lang.say("Cancel"),
    )
    return section("\n".join(fitting(lines, LONGEST_BLOCK)), {**revoke, "confirm": asks})


def _inboxes(lang: Language, row: KeyRow) -> str:
    if row.key.is_for_team:
        return lang.say("all team addresses")
    if not row.named:
        return lang.say("no inbox any more")
    return some(lang, [_inbox(lang, row.key, it) for it in row.named])


def _inbox(lang: Language, key: ApiKey, channel: Channel) -> str:
    """With what its owner has said, where it is a personal one."""
    address = inert(channel.address)
    if channel.owner_id is None or key.may_see(channel.id, owner_id=channel.owner_id):
        return address
    asked = key.asked.get(channel.id)
    if asked is not None and asked.answer is OwnerAnswer.WAITS and asked.owner_id == channel.owner_id:
        return lang.say("{address} (waits for its owner)", address=address)
    return lang.say("{address} (not allowed by its owner)", address=address)


def some(lang: Language, names: Sequence[str]) -> str:
    """The first ones, and how many more there are."""
    first, rest = lang.listed(names[:_NAMED]), len(names) - _NAMED
    if rest <= 0:
        return first
    return lang.count("{names} and {n} more", "{names} and {n} more", rest, names=first)


def _uses(lang: Language, key: ApiKey, features: Sequence[Feature]) -> str:
    known = {one.key: one for one in features}
    return some(lang, [_use(lang, one, known.get(one)) for one in sorted(key.features)])


def _use(lang: Language, name: str, feature: Feature | None) -> str:
    if feature is not None and feature.is_on:
        return inert(feature.name.for_(lang.code), 40)
    return lang.say(
        "{feature} (switched off)", feature=inert(feature.name.for_(lang.code) if feature else name, 40)
    )


def _life(lang: Language, key: ApiKey) -> str:
    used = (
        lang.say(
            "last used {when} from {where}",
            when=instant(lang, key.last_used_at),
            where=f"`{inert(key.last_used_from or '–', 45)}`",
        )
        if key.last_used_at
        else lang.say("never used")
    )
    return lang.say("Expires {when}", when=instant(lang, key.expires_at)) + " · " + used


def caretaker(lang: Language, who: str) -> str:
    """Who looks after it, in the middle of a sentence."""
    return lang.say("whoever runs Inboxkeeper") if who == OPERATOR else mention(who)


def turn(
    lang: Language, *, newer: tuple[str, str], older: tuple[str, str], start: int, number: int, page: int
) -> list[Block]:
    """Which of ``number`` are shown, ``page`` at a time, and the way to the others; ``newer`` and ``older``
    are a button's words and its id. Nothing where all are shown."""
    buttons = []
    if start:
        buttons.append(button(*newer, value=str(max(start - page, 0))))
    if start + page < number:
        buttons.append(button(*older, value=str(start + page)))
    place = lang.say(
        "{first} to {last} of {all}", first=start + 1, last=min(start + page, number), all=number
    )
    return [*([context(place)] if number > page else []), *actions(*buttons)]


def _over(lang: Language, number: int) -> str:
    return lang.count(
        "{n} key no longer works: it was revoked or has expired.",
        "{n} keys no longer work: they were revoked or have expired.",
        number,
    )


# --- the form


def key_modal(lang: Language, features: Sequence[Feature], form_id: str) -> View:
    """What a key is for. ``form_id`` tells this form from others, so that it makes one key."""
    if not features:
        return modal(
            lang.say("New key"),
            [section("⚠️ " + no_features(lang)), *actions(_all_keys(lang))],
            close=lang.say("Close"),
        )
    blocks = [
        line_input(NAME_BLOCK, lang.say("Which program is it for?"), lang.say("Help desk"), longest=60),
        scope_input(lang, lang.say("Which inboxes may it use?")),
        inboxes_input(lang, KEYS_INBOXES, hint=lang.say("The owner of a personal inbox is asked first.")),
        *_features(lang, features),
        _lasts(lang),
        line_input(
            NETWORKS_BLOCK,
            lang.say("Where may it come from?"),
            "10.20.0.0/16",
            longest=500,
            hint=lang.say("Networks or single IP addresses. Empty: from anywhere."),
            optional=True,
        ),
    ]
    return modal(
        lang.say("New key"),
        blocks,
        submit=lang.say("Make the key"),
        close=lang.say("Cancel"),
        callback=KEYS_FORM,
        metadata=form_id,
    )


def _all_keys(lang: Language) -> Block:
    return button(lang.say("All keys"), KEYS, value="0")


def _option(label: str, value: str) -> Block:
    return {"text": plain(shown(label, 75)), "value": value}


def scope_input(lang: Language, label: str, *, is_for_team: bool = False) -> Block:
    """All team addresses, or some inboxes; which it begins with."""
    these = _option(lang.say("Only the inboxes named below"), ONLY_THESE)
    every = _option(lang.say("All team addresses, those connected later too"), ALL_TEAM)
    element: Block = {
        "type": "radio_buttons",
        "action_id": SCOPE_BLOCK,
        "options": [these, every],
        "initial_option": every if is_for_team else these,
    }
    return _asked(SCOPE_BLOCK, label, element)


def inboxes_input(lang: Language, action_id: str, *, hint: str, chosen: Sequence[Channel] = ()) -> Block:
    """Which inboxes, if not all of the team: what is typed is looked for among all that are connected. It
    begins with those ``chosen``, ``MOST_CHOSEN`` of them at most."""
    element: Block = {
        "type": "multi_external_select",
        "action_id": action_id,
        "min_query_length": 0,
        "max_selected_items": MOST_CHOSEN,
        "placeholder": plain(lang.say("Type part of an address or name")),
    }
    if chosen:
        element["initial_options"] = [inbox_option(it) for it in chosen]
    return {**_asked(ADDRESSES_BLOCK, lang.say("Addresses"), element, hint=hint), "optional": True}


def inbox_option(channel: Channel) -> Block:
    """One to choose."""
    return _option(channel.address, channel.id)


def _features(lang: Language, features: Sequence[Feature]) -> list[Block]:
    blocks = []
    for number, first in enumerate(range(0, len(features), _BOXES)):
        some = features[first : first + _BOXES]
        options = [_option(one.name.for_(lang.code), one.key) for one in some]
        element: Block = {"type": "checkboxes", "action_id": f"{FEATURES_BLOCK}{number}", "options": options}
        if len(features) == 1:
            element["initial_options"] = options
        block = _asked(f"{FEATURES_BLOCK}{number}", lang.say("What for?"), element)
        # Of several blocks none need be ticked; whether any is, is seen when the form comes.
        blocks.append({**block, "optional": True} if len(features) > _BOXES else block)
    return blocks


def _lasts(lang: Language) -> Block:
    words = {
        30: lang.say("30 days"),
        90: lang.say("90 days"),
        365: lang.say("1 year"),
        730: lang.say("2 years"),
        1095: lang.say("3 years"),
    }
    options = {days: _option(words[days], str(days)) for days in _DAYS}
    element: Block = {
        "type": "static_select",
        "action_id": LASTS_BLOCK,
        "options": list(options.values()),
        "initial_option": options[_USUAL],
    }
    hint = lang.say("Super admins are told 30 days, 7 days and 1 day before it ends.")
    return _asked(LASTS_BLOCK, lang.say("How long does it work?"), element, hint=hint)


def _asked(block_id: str, label: str, element: Block, *, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    return {**block, "hint": plain(hint)} if hint else block


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


def key_fault(lang: Language, refused: KeyRefused) -> tuple[str, str]:
    """Beside which field it is said, and what, as plain text."""
    what = shown(refused.what, 60)
    match refused.fault:
        case KeyFault.NAME:
            return NAME_BLOCK, lang.say("A name is one line of 1 to 60 characters.")
        case KeyFault.NOTHING_NAMED if what:
            return ADDRESSES_BLOCK, lang.say(
                "You chose all team addresses and named some, too. Empty this field, or change the choice."
            )
        case KeyFault.NOTHING_NAMED:
            return ADDRESSES_BLOCK, lang.say("Name an address, or choose all team addresses above.")
        case KeyFault.UNKNOWN_ADDRESS:
            return ADDRESSES_BLOCK, lang.say(
                "{address} is not connected here. Connect it first, or correct it.", address=what
            )
        case KeyFault.UNKNOWN_FEATURE:
            return f"{FEATURES_BLOCK}0", lang.say(
                "{feature} is switched off. Choose another use, or open the form anew.", feature=what
            )
        case KeyFault.NO_FEATURE:
            return f"{FEATURES_BLOCK}0", lang.say("Choose at least one use.")
        case KeyFault.NETWORK:
            return NETWORKS_BLOCK, lang.say(
                "{network} is no network. Write it like 10.20.0.0/16, or one IP address.", network=what
            )
        case KeyFault.LIFE:
            return LASTS_BLOCK, lang.say("Choose how long it works.")
        case KeyFault.MADE:
            return NAME_BLOCK, made_already(lang)


def made_already(lang: Language) -> str:
    """The form was sent twice."""
    return lang.say(
        "This key has been made already. If you have not seen it, revoke it in the list and make another."
    )


def key_made_modal(lang: Language, key: ApiKey, secret: str, *, base_url: str) -> View:
    """The only place where it is ever shown."""
    said = lang.say("The key of the program {name}:", name=inert(key.name, 60))
    once = lang.say(
        "Copy it now: it is shown this once, and nobody can look it up later. Whoever has it can use the "
        "inboxes that it is for."
    )
    asked_at = lang.say("The program asks for access at {url}", url=f"`{base_url.rstrip('/')}/api/v1`")
    blocks = [
        section(f"🔑 {said}\n```{secret}```"),
        section(once),
        *([section(_waits(lang))] if key.asked else []),
        context(asked_at),
        *actions(_all_keys(lang)),
    ]
    return modal(lang.say("New key"), blocks, close=lang.say("Close"))


def _waits(lang: Language) -> str:
    return lang.say(
        "For personal inboxes it works once their owners have allowed it: they have got a message that asks "
        "them."
    )


def revoked_remark(lang: Language, key: ApiKey) -> str:
    """What became of it, above the list."""
    return "✅ " + lang.say("The key of {name} is revoked.", name=inert(key.name, 60))
