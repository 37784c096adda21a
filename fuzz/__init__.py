"""Coverage-guided fuzzing of what comes from the internet: `make fuzz`. Each module is a target."""
