"""`assay fit` and `assay predict`: label models of files of scores."""
