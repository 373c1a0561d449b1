"""FRAMES: DBC files compiled once into encoders and decoders, and the restbus that sends them."""
