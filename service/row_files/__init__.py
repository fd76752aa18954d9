"""Files of rows: JSON, CSV and Parquet, read and written row by row."""
