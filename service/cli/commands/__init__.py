"""The signatures of the commands: names, options and help; what they do lies elsewhere, and is
loaded when a command runs.
"""
