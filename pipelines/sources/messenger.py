"""Facebook Messenger: messages of a page, theirs and ours, receipts, reactions, pressed buttons, and calls."""

from functools import partial

from pipelines.sources.contract import Source
from pipelines.sources.guide import Guide
from pipelines.sources.meta_messaging import Platform, translate
from pipelines.sources.meta_webhooks import handshake, is_genuine

SOURCE = Source(
    name="messenger",
    title="Facebook Messenger",
    capabilities=("calls", "messages", "permissions", "accounts"),
    is_genuine=is_genuine,
    translate=partial(translate, platform=Platform(object="page", channel="messenger", identity="messenger")),
    handshake=handshake,
)

GUIDE = Guide(
    origin_check="`X-Hub-Signature-256`: HMAC-SHA256 of the raw body with the app secret.",
    proof="copied",
    handshake="chosen",
    channel="messenger",
    connect_steps=(
        "In the app's settings at Meta copy the app secret into the file or variable that `secrets` names.",
        "Think of a verify token and put it where `verify_secret` points.",
        "Under Messenger, Webhooks, set the callback address `/hooks/messenger/ACCOUNT` and the same token.",
        "Subscribe the page to `messages`, `message_echoes`, `message_deliveries`, `message_reactions`, "
        "`messaging_postbacks` and `messaging_policy_enforcement`, and where the page takes calls to `calls` and "
        "`call_permission_reply`.",
    ),
)
