"""Configuration: what can be set, where it is set, and what it amounts to."""

from moderation_ai.config.accesses import accesses_of
from moderation_ai.config.catalogue import Setting, all_settings, variable_of
from moderation_ai.config.credentials import require_platforms, sources_of
from moderation_ai.config.loading import CONFIG_FILE, Flags, Loaded, load, load_platforms, load_variable
from moderation_ai.config.mistakes import Mistakes
from moderation_ai.config.ports import require_two_ports
from moderation_ai.config.settings import (
    DEFAULT_STORE_URL,
    MASK,
    AccountSettings,
    ConsoleSettings,
    PlatformSettings,
    PolicySettings,
    Secret,
    ServerSettings,
    Settings,
)
from moderation_ai.config.showing import Shown, show
from moderation_ai.config.sites import sites_of
from moderation_ai.config.watches import watches_of

__all__ = [
    "CONFIG_FILE",
    "DEFAULT_STORE_URL",
    "MASK",
    "AccountSettings",
    "ConsoleSettings",
    "Flags",
    "Loaded",
    "Mistakes",
    "PlatformSettings",
    "PolicySettings",
    "Secret",
    "ServerSettings",
    "Setting",
    "Settings",
    "Shown",
    "accesses_of",
    "all_settings",
    "load",
    "load_platforms",
    "load_variable",
    "require_platforms",
    "require_two_ports",
    "show",
    "sites_of",
    "sources_of",
    "variable_of",
    "watches_of",
]
