"""The simulated audience as a panel of personas, and what an LLM thinks they would do (S1).

Touch this package to change who the audience is, how a model is asked, or what its answers do to the market.

panel       who they are and which texts they see, as shipped or as configured; the recorded ratings
prompt      one (persona, creative, question) as text; persona and creative are data in it, never instructions
answers     what an endpoint said, read strictly: a probability in [0, 1] or a refusal with its reason
ratings     from answers to relative tendencies, and into the market's arrays (numpy, pure)
rater       all questions of a panel: at once so many, so many a second, cached, up to a limit of failures
endpoint    the OpenAI-compatible client (the I/O edge)
cache       answers in Redis
"""
