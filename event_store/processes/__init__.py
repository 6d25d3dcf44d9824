"""Process managers: several events turned into the next command."""
