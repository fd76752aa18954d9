"""What tests of HTTP share: requests and replies by hand, and both ends of a connection."""
