"""Trials: several values of one setting, each from several seeds; running, collecting and comparing them."""
