"""Pure rules: values in, values out. No await, no clock, no driver."""
