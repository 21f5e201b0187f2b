"""Kafka: the ports to it and the clients behind them, its topics, and a broker of one's own on this machine."""
