"""Augmentation and scaling, on whole batches on the device.

Pixel arithmetic, blurring, affine matrices, flips and half turns are Kornia's functions, which take a strength for each
sample. Implemented here are the draws (Kornia's random classes draw and choose for the whole batch, and blend or lose
labels at the edges) and operations that must exclude nodata, take any number of bands or be fast: CLAHE and
equalisation, saturation's and hue's formulas, noise, the warps' one grid for image and labels, and the smooth fields
of elastic, clouds, fog, smoke.
"""
