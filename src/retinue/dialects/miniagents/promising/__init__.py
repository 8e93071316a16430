"""Promises and streams under their MiniAgents names; usable without agents."""
