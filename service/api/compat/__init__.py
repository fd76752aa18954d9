"""Other services' wire forms, translated into scoring calls; a file a family of clients."""

from assay.service.api.compat.routes import COMPAT_ROUTES, compat_router

__all__ = ["COMPAT_ROUTES", "compat_router"]
