"""`assay report`."""
