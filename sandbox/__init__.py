"""A pretend company outside the product: its AWS accounts, its identity provider and its people."""
