"""The serve command: gateway, worker and console in one process."""
