"""Facts from facts: the Faust app and its agents, thin over pure cores."""
