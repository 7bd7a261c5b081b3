"""Programs that attack the library for as long as they are told to: see README.md."""
