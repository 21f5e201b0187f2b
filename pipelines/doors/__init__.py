"""Doors that are not webhooks: files that grow, queues to be polled, sockets to listen on."""
