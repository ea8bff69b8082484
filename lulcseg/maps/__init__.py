"""Files of a map: class rasters, styles, polygons, STAC items, areas."""
