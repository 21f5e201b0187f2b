"""In and out of Kafka: receive, normalise, land, dead letters and the local broker."""
