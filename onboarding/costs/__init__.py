"""What people's use costs: estimates from invocation logs, what AWS billed beside them, and budgets on top."""
