"""The verbs of starter.py, one module for each group of them. Touch this to change what the command line says or does.

parser.py is the grammar, dispatch.py calls a verb and turns errors into exit codes, console.py prints.
runs/ starts and ends runs, watching/ shows them, people/ is for approvers and account owners, logs_and_agents/ is for
logs, agents and environments.

A person waits for every import. So a verb's module imports libraries, and modules of ours that need some, inside the
function that uses them, and tests/unit/commands/test_lazy_imports.py says what each verb may not import.
"""
