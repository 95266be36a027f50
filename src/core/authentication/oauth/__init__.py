"""Logging in at a provider that a browser is sent to: the parts of it that know no HTTP server."""

from .attempt import Attempt, Attempts
from .client import ProviderClient
from .options import OauthOptions, OauthProvider
from .strategy import OauthStrategy

__all__ = ["Attempt", "Attempts", "OauthOptions", "OauthProvider", "OauthStrategy", "ProviderClient"]
