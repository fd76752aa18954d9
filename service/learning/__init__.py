"""What tasks learn, and how they come to serve it."""
