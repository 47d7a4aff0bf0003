"""What makes the shipped weights: data, generator, training loop and export. Never in the wheel."""
