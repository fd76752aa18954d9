"""Coverage of the intervals of `assay compare`."""
