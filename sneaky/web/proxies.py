"""Which host names are ours, and how many proxies we believe."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, request
from werkzeug.middleware.proxy_fix import ProxyFix

from sneaky.core.settings import Settings, settings

# Health checks and development come through loopback. That is harmless: links never use the request's host.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def init_app(app: Flask, settings: Settings) -> None:
    """Answer only to our own host, and read X-Forwarded-* from as many proxies as there are."""
    # Our own check instead of Flask's TRUSTED_HOSTS, which cannot name an IPv6 address.
    app.before_request(_refuse_foreign_hosts)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_port=0, x_prefix=0
        )


def _refuse_foreign_hosts() -> None:
    asked = urlsplit(f"//{request.host}").hostname
    if asked not in _LOOPBACK | {urlsplit(settings().base_url).hostname}:
        abort(400)
