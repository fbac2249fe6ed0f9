"""What pages take in, cleaned."""
