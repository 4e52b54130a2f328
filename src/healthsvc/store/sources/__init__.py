"""Sources as they are set, the calls of other systems, and the identity map."""
