"""fit, evaluate, predict: the data, the loop, and what compile() was told."""
