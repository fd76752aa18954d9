"""The run of a request: what it states, the version that answers it, and the list of all."""
