"""What is done by the clock, and the past."""
