"""A watch as a service: what it answers over HTTP, and what it tells systemd."""
