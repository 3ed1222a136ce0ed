"""Faulty networks: a catalogue of what goes wrong, each a small subclass of `plain.Plain`."""
