"""Landing: records of Kafka become rows of the log, each event once."""
