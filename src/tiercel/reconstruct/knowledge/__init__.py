"""What is known of paths, programs, addresses and errors beforehand."""
