"""The commands of `python -m frozen`: what they read and write, and what they say. docs/command-line.md

A command is often a short one: modules import at their top what each needs, and in functions what few need.
"""

COMMANDS = ("pack", "show", "get", "diff", "verify")
