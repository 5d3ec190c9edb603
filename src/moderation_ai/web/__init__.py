"""The doors: the gateway that platforms post to (ASGI and WSGI), the admin API, and the servers that open both."""
