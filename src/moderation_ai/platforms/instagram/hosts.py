"""Where Meta is asked: for accounts that logged in with Instagram at one host, for others and for apps at another."""

from __future__ import annotations

BY_INSTAGRAM, BY_FACEBOOK = "graph.instagram.com", "graph.facebook.com"
