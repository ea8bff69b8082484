"""Training: the LightningModule, its losses and callbacks."""
