"""Recording a running host: all of it, or what surrounds an alert."""
