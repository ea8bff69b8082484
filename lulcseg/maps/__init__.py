"""What stands on disk of a map: class rasters, styles, polygons, catalogue entries, areas."""
