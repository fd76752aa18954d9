"""`assay import`: files of other tools."""
