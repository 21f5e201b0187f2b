"""A small real OpenID Connect provider for one test: it hands out signed tokens and knows no password.

Whoever is named in `next_person` logs in at once; the rest is what a provider must do for Streamlit's login.
"""

import secrets
import socket
import threading
import time
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "angime"
CLIENT_SECRET = "made up for tests"
LIVES_SECONDS = 600


class LoginProvider:
    """A provider on a free port of this machine."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.next_person: dict[str, Any] = {}
        self._key = RSAKey.generate_key(2048, parameters={"kid": "test", "use": "sig", "alg": "RS256"}, private=True)
        self._codes: dict[str, dict[str, Any]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self._discover),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=self._port, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        """Listen no more."""
        self._server.should_exit = True
        self._thread.join(timeout=20)

    async def _discover(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        code = secrets.token_urlsafe(16)
        self._codes[code] = dict(asked) | {"person": dict(self.next_person)}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        asked = self._codes.pop(str(form["code"]))
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + LIVES_SECONDS,
            "nonce": asked.get("nonce"),
        }
        token = jwt.encode({"alg": "RS256", "kid": "test"}, claims | asked["person"], self._key)
        return JSONResponse({"access_token": "none", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})
