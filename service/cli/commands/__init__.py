"""The signatures of the commands: names, options and help.

Their work lies elsewhere, and is loaded when a command runs.
"""
