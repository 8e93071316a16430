"""Language models as agents, one module a provider."""
