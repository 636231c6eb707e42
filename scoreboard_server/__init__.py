"""The live score board: rules, flow, store and web, inside out."""
