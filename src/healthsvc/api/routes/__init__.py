"""One module for each thing that can be asked for. A route reads the request, calls one flow, tells
what came of it."""
