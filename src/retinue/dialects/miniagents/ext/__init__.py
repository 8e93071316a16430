"""Language models, the console, chat histories."""
