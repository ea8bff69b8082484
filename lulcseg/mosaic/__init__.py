"""From a model and a mosaic of any size to a map."""
