"""`assay compare`: which of two systems is better, from files of predictions and few labels."""
