"""Errors, as REST tells them."""

from healthsvc.wire.rest.shapes import Told, example


class FieldProblem(Told):
    """One thing that is wrong, and where: a JSON Pointer into the body, or `/query/NAME`,
    `/path/NAME`."""

    pointer: str
    detail: str


class Problem(Told):
    """An error, in the form of RFC 9457."""

    model_config = example(
        type="/problems/invalid-request",
        title="The request isn't valid",
        status=422,
        detail="1 thing in the request is wrong: see errors.",
        instance="/v1/customers",
        request_id="9f1c0d7e5b0a4a55a8f0c1d9f3f7a2b4",
        errors=[{"pointer": "/query/limit", "detail": "Input should be less than or equal to 250"}],
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] = []
