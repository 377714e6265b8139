"""The command line: options in, results out. What is done stands in the other folders."""
