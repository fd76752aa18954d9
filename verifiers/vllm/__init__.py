"""What verifiers need to know of a vLLM server."""
