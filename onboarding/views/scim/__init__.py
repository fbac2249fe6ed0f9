"""SCIM 2.0 under /scim/v2/ (RFC 7643, RFC 7644): how the company's directory provisions users and groups.

Here is the protocol; what it means for people is onboarding/provisioning.py.
"""
