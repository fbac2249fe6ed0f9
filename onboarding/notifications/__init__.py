"""Notifications, from the row that says what happened to the mail: who wants which, in what words, and sending."""
