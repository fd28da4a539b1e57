"""Programs for whoever works on the code: what is drawn and written from it."""
