"""LEARN: agents and the contract they fulfil. Touch this to add or change an agent. Numpy; no clocks, no I/O."""
