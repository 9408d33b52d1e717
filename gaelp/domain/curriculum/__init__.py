"""The curriculum's rules, pure: which tasks there are, which are open, which comes next, which is mastered or lost.

Touch this folder to change how an agent is led through tasks. Exams are measured in gaelp/evidence/mastery.py.
"""
