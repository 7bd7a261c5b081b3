"""The commands of `python -m frozen`: what they read and write, and what they say. docs/command-line.md"""

COMMANDS = ("pack", "show", "get", "diff", "verify")
