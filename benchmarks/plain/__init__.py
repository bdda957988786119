"""What most people would write: one Django view that gets, saves and creates."""
