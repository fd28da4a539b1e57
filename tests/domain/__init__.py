"""What is decided without asking anybody: states, rights, pauses, words."""
