"""The verbs of starter.py, one module for each group of them. Touch this to change what the command line says or does.

parser.py is the grammar, dispatch.py calls a verb and turns errors into exit codes, console.py prints.
runs/ starts and ends runs, watching/ shows them, people/ is for approvers and account owners, material/ is for logs,
agents and environments.
"""
