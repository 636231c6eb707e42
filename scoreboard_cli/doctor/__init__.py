"""What `scoreboard doctor` looks at."""
