"""What lifecourse promises, and how each promise is measured: a file for each issue."""
