"""Block Kit as the local Slack understands it: a closed set of blocks, each with every limit."""
