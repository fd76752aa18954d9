"""Cross-encoders, entailment and embeddings."""
