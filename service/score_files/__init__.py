"""Files of scores: npz, Parquet, JSONL."""
