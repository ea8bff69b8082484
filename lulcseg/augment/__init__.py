"""Augmentation and scaling, on whole batches on the device."""
