"""Events of the running host: the probe in the kernel, its rings, and what was there before the first event."""
