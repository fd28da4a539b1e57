"""The product's rules as values and pure functions. Nothing here awaits, reads a clock or knows a library."""
