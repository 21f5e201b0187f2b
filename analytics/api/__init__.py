"""The read API for machines: calls, conversations and metrics of one company over HTTP, and what happens now, live."""

from analytics.api.app import make_app
from analytics.api.document import openapi
from analytics.api.tokens import Token, read_tokens

__all__ = ["Token", "make_app", "openapi", "read_tokens"]
