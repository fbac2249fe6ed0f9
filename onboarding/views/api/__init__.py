"""The API for scripts: read-only JSON under /api/v1/, for whoever shows a token.

A module a subject: its schemas, which are its documentation too, and its operations.
"""
