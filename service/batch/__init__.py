"""`assay batch`: files of queries ranked in bulk, here or on Ray, into parts that a killed run
leaves whole.
"""
