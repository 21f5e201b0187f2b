"""The registry of sources: one module a provider, each pure; what differs is in the module."""

from pipelines.sources import (
    asterisk,
    bitrix24,
    chatapp,
    evolution,
    freeswitch,
    green_api,
    hubspot,
    ingest,
    instagram,
    justcall,
    kommo,
    messenger,
    pact,
    radist,
    telegram,
    telnyx,
    twilio,
    umnico,
    viber,
    vk,
    vonage,
    waha,
    wazzup,
    whatsapp_cloud,
    ycloud,
)
from pipelines.sources.contract import Source
from pipelines.sources.guide import Guide

_MODULES = (
    whatsapp_cloud,
    messenger,
    instagram,
    telegram,
    viber,
    vk,
    pact,
    wazzup,
    umnico,
    radist,
    chatapp,
    green_api,
    waha,
    evolution,
    ycloud,
    twilio,
    telnyx,
    vonage,
    justcall,
    freeswitch,
    asterisk,
    kommo,
    bitrix24,
    hubspot,
    ingest,
)

SOURCES: dict[str, Source] = {module.SOURCE.name: module.SOURCE for module in _MODULES}
GUIDES: dict[str, Guide] = {module.SOURCE.name: module.GUIDE for module in _MODULES}

__all__ = ["GUIDES", "SOURCES"]
