"""In the child: answers one request after another. Touch this when another kind of request must be answered."""

from __future__ import annotations

from gaelp.agents.agent_entry_points import UnknownAgent
from gaelp.agents.agent_failures import BrokenVerb
from gaelp.confinement.frames import Arrays, Head, Pipe
from gaelp.confinement.hosted_agents import HostedAgents
from gaelp.confinement.limits import LARGEST_REQUEST
from gaelp.market.third_party.environment_errors import BrokenContract, UnknownEnvironment


def serve(pipe: Pipe) -> None:
    """Answer requests until the other side has ended. Raises Closed then."""
    pipe.send({"ready": True})
    agents = HostedAgents(pipe)
    verbs = dict(agents.verbs)
    while True:
        head, arrays = pipe.receive(LARGEST_REQUEST)
        if head["verb"] == "state":
            agents.keep(head["state"], arrays)
            continue
        if head["verb"] not in verbs:
            from gaelp.confinement.hosted_environments import HostedEnvironments  # Gymnasium takes a third of a second

            verbs |= HostedEnvironments().verbs
        try:
            answer: tuple[Head, Arrays] = verbs[head["verb"]](head, arrays)
            pipe.send(*answer)
        except BrokenVerb as problem:
            pipe.send({"problem": str(problem)})
        except (UnknownAgent, UnknownEnvironment) as error:
            pipe.send({"unknown": str(error)})
        except BrokenContract as error:
            pipe.send({"broken": str(error)})
        except ValueError as error:  # an array of a type that cannot be sent
            pipe.send({"problem": f"returned something that cannot be kept: {error}"})
