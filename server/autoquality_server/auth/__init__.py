"""Who may call, how callers are identified, and how much each may request."""
