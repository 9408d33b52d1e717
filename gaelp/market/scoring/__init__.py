"""What an episode was worth: the optimum, reward, success and regret. Touch this together with docs/gates.md."""
