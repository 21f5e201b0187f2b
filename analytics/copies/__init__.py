"""Other places of a warehouse: snapshots of it, a second one beside it, and the place it moves to."""
