"""The services of docker-compose.yml as child processes, for a machine without docker.

Touch this when a service is added, or when a process of ours is left behind.
"""

from gaelp.local_stack.foreground import run_dev
from gaelp.local_stack.process import StackError
from gaelp.local_stack.services import Ports
from gaelp.local_stack.stack import SERVICES, LocalStack

__all__ = ["SERVICES", "LocalStack", "Ports", "StackError", "run_dev"]
