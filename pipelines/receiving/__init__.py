"""The door for webhooks: each is proved to be its provider's and kept before it is answered."""
