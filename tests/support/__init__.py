"""What several test modules share: stand-ins, processes, samples and small helpers."""
