"""Training, evaluation and export of the networks. Run time imports none of it, and only it imports torch."""
