"""The contract of every provider, and each provider's own."""
