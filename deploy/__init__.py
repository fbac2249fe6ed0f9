"""How the portal is run: on one machine (`local`), and what a real installation needs."""
