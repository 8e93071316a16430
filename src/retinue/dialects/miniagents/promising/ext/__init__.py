"""What goes with promises: values that do not change."""
