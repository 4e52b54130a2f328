"""Reading a scorecard document: each section of plain data to the model, every fault with its
place.

Above `scoring`, since flag kinds and judge kinds read their own parts.
"""
