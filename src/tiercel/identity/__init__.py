"""Who a container is: its name, image, pod and people, looked up on the running host."""
