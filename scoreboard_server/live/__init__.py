"""What watchers see: states, frames and the hub that publishes them. Knows no socket class."""
