"""The simulated audience as a panel of personas, and how likely a language model thinks they are to click and to buy.

Touch this package to change who the audience is, how a model is asked, or what its answers do to the market.

panel         the personas and the texts that they see, as shipped or as configured; the recorded ratings
prompt        one question about a persona and a creative as text; both are data in it, never instructions
answers       reads what an endpoint answered: a probability in [0, 1], or a failure with its reason
ratings       turns answers into relative tendencies, and these into a changed market
rater         asks all questions of a panel, within limits of concurrency, pace and failures
permutation   which share of an agent's gain depends on the ratings
endpoint      the client of an OpenAI-compatible endpoint; speaks HTTP
rating_cache  answers in Redis, so that no question is asked twice
"""
