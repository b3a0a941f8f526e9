"""Where the weights in the package come from: scripts, one for each set of weights."""
