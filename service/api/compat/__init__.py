"""Other services' wire forms, each translated into the same scoring call; a file a family of
clients.
"""

from assay.service.api.compat.routes import DOORS, door_router

__all__ = ["DOORS", "door_router"]
