"""Where a run is shown besides its own folder: Weights & Biases, TensorBoard, MLflow, tables of numbers."""
