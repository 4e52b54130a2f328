"""`make alerts-check`: how many alerts and changes of band customers of known kinds draw.

Each kind lives by its own rhythm: healthy ones should draw hardly any, those that stop or decline
must be told in time. The real core folds, evaluates and decides; nothing else is simulated.
"""
