"""Instagram: direct messages of a professional account, theirs and ours, receipts and reactions."""

from functools import partial

from pipelines.sources.contract import Source
from pipelines.sources.guide import Guide
from pipelines.sources.meta_messaging import Platform, translate
from pipelines.sources.meta_webhooks import handshake, is_genuine

SOURCE = Source(
    name="instagram",
    title="Instagram Direct",
    capabilities=("messages",),
    is_genuine=is_genuine,
    translate=partial(translate, platform=Platform(object="instagram", channel="instagram", identity="instagram")),
    handshake=handshake,
)

GUIDE = Guide(
    origin_check="`X-Hub-Signature-256`: HMAC-SHA256 of the raw body with the app secret.",
    proof="copied",
    handshake="chosen",
    channel="instagram",
    connect_steps=(
        "In the app's settings at Meta copy the app secret (with Instagram Login: the Instagram app secret) into the "
        "file or variable that `secrets` names.",
        "Think of a verify token and put it where `verify_secret` points.",
        "Under Instagram, Webhooks, set the callback address `/hooks/instagram/ACCOUNT` and the same token.",
        "Subscribe to `messages`, `message_reactions`, `messaging_postbacks` and `messaging_seen`.",
    ),
)
