"""`assay batch`: ranks files in bulk, here or on Ray, into parts that survive a kill."""
