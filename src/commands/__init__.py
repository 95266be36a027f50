"""Commands with options of their own, one noun a file; ``cli`` adds them to its own."""
