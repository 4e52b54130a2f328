"""The shapes of REST requests and answers about customers, a module per resource."""
