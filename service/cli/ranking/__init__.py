"""`assay rank` and `assay batch`: files of rankings in, and their results out."""
