"""Language models that judge."""
