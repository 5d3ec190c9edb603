"""The story of an event, room by room.

``receiving`` proves, reads and keeps what is posted; ``polling`` fetches what is not. ``handling`` hands it to the
user's functions and to the policy; ``acting`` does on platforms what is wanted there, with the ``credentials`` of each
account. ``subscribing`` keeps platforms posting to us, ``watching`` notices what is wrong, ``upkeep`` removes what is
old. ``accounts`` is what users act through.
"""
