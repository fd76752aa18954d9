"""Parameters of a request's query, and bodies of routes without one: nothing goes by unread.

A misspelt option would do something else in silence: `?WHO=ann` withdraws everybody's labels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from assay.service.api.errors import ApiError, shortened
from assay.service.api.front.body_limit import whole_body
from assay.service.api.front.body_parsing import validated

MOST_VALUE_SHOWN = 80


class NoFieldsIn(BaseModel):
    """The body of a route that takes none: left out, or an empty object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def only_own_options(request: Request) -> None:
    """Refuse what a route would not read; a dependency of routers.

    Raises `ApiError` 422 for a parameter that the route does not have, for one with two values,
    and for fields in the body of a route that takes none.
    """
    route: APIRoute = request.scope["route"]
    names = parameter_names(route)
    check_parameters(request, names)
    check_repeated(request, names)
    if "requestBody" in (route.openapi_extra or {}):
        return  # the handler checks its fields
    if request.method == "POST":
        await validated(await whole_body(request) or b"{}", NoFieldsIn)
    elif request.method == "DELETE" and _announces_body(request):
        message = f"a DELETE has no body; in the URL, this route has {_listed(names)}"
        raise ApiError(422, message, param="body", code="unknown_parameter")


def parameter_names(route: APIRoute) -> list[str]:
    """Return the names that the query of a route may have."""
    names: list[str] = []
    for field in route.dependant.query_params:
        form = field.field_info.annotation
        if isinstance(form, type) and issubclass(form, BaseModel):
            names += form.model_fields
        else:
            names.append(field.alias)
    return names


def check_parameters(request: Request, allowed: Sequence[str]) -> None:
    """Raise `ApiError` 422 for a parameter of the query that is not allowed: it may be misspelt."""
    for name, _ in query_items(request):
        if name not in allowed:
            raise unknown_option(name, "parameter", allowed)


def check_repeated(request: Request, names: Collection[str]) -> None:
    """Raise `ApiError` 422 for one of these parameters that has two values."""
    values: dict[str, str] = {}
    for name, value in query_items(request):
        if name in names and (before := values.setdefault(name, value)) != value:
            raise contradictory_option(name, value, before)


def query_items(request: Request) -> Iterable[tuple[str, str]]:
    """Return the parameters of a request's query with their values, a repeated one again."""
    return request.query_params.multi_items() if request.scope.get("query_string") else ()


def unknown_option(name: str, kind: str, allowed: Sequence[str]) -> ApiError:
    """Return the error of a parameter or header that a route does not have; it names those."""
    shown = shortened(name, MOST_VALUE_SHOWN)
    message = f"{shown!r} is no {kind} of this route: it has {_listed(allowed)}"
    return ApiError(422, message, param=shown, code=f"unknown_{kind}")


def contradictory_option(name: str, value: str, before: str) -> ApiError:
    """Return the error of an option that a request states with two values."""
    return wrong_option(name, value, f"also says {shortened(before, MOST_VALUE_SHOWN)!r}")


def wrong_option(name: str, value: str, message: str) -> ApiError:
    """Return the error of an option's value."""
    return ApiError(
        422,
        f"{name}: {message} (got {shortened(value, MOST_VALUE_SHOWN)!r})",
        param=name,
        code="unknown_value",
    )


def _announces_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
