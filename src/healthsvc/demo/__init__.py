"""A synthetic fleet: believable customers for those who have none yet, all clearly named as
synthetic.

Pure like all of the core: the same seed and end give the same fleet, to the last id. Nothing of the
service's own judgement may depend on it.
"""
