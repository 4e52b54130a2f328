"""Every sentence that users read: what the service says of a customer, an alert or itself, in
English and Portuguese.

`en` and `pt` hold the sentences, under the same keys and with the same placeholders; `grammar` has
the numbers, dates, plurals and contractions of each language; the other modules choose the sentence
that fits the facts. What is decided never depends on a phrase, and nothing here does I/O.
"""
