"""The pages of what came back: who may see them, what they are made of, which template."""
