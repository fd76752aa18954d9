"""Other services' wire forms, translated into scoring calls; a file a family of clients."""

from assay.service.api.compat.routes import DOORS, door_router

__all__ = ["DOORS", "door_router"]
