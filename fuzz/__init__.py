"""Coverage-guided fuzzing of all code that reads foreign input (docs/robustness.md)."""
