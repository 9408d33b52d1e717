"""How often a gate is wrong and what it can detect: trials of stated agents. How a gate measures is one folder up.

Touch this to certify or plan another gate.
"""
