"""Verification: which questions decide whether a person can work, how each is asked, and what each answer means."""
