"""Long work: what takes minutes is done beside the server, in steps; people watch, leave, cancel.

``begin`` writes down what is wanted, the ``companion`` inside ``serve`` starts a process for what
waits, ``run`` does it from where it stood, ``progress`` tells how far it is. What is done stands
with what it is about: ``tracker.judging.long_walk``, ``tracker.segments.making``. Imports keep
their own states (``campaigns.imports``) and share companion and progress.
"""
