"""A task's labels, requests and versions in the store, a module each."""
