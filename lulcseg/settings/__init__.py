"""The typed settings, one module a section: the only home of defaults, units and bounds. No torch, no geodata."""
