"""The gate of the label-free fit: what its shared factor looks like."""
