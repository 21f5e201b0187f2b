"""What a company says of itself in its file, as reference tables: people, hours, prices, what is listened for."""
