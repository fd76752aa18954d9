"""`assay sidecar`: reward models that vLLM has no class for."""
