"""Reward models, process reward models, likelihoods, and scorers of your own."""
