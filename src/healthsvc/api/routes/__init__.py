"""One module for each resource. A route reads the request, calls one flow, tells what came of
it."""
