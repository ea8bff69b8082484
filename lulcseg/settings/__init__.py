"""The typed settings: every default, unit, bound and sentence, one module a section. Light: no torch, no geodata."""
