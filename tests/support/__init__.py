"""What tests lean on: real servers started for them, makers, a clock they can move. Benchmarks use
it too."""
