"""Accuracy assessment: confusion matrices and what follows from them."""
