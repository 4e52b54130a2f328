"""Churn risk: what each event is to it, the levels it needs, the features made of them, the model
that adds them up.

One model's risk is a pure function of (levels, first and last instants, now), for one customer or
many alike; the live service and the lab call the same functions. What must not live here: fitting
(core.fit), files, the clock, labels.
"""
