"""What figures.py, bench.py and instructions.py share."""
