"""Which GPU serves which model: needs from the catalog, a placement, and files or processes that
carry it out.
"""
