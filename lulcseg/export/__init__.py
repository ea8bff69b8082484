"""A trained model for other programs: ONNX, torch.export, a STAC item, a model card."""
