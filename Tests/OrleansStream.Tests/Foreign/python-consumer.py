# Reads a topic as a member of a group, until it has so many records, and commits. Arguments: library, bootstrap server, topic, group, count. Prints a value a line.
import sys

library, broker, topic, group, count = sys.argv[1:6]
values = []
if library == "kafka":
    from kafka import KafkaConsumer
    consumer = KafkaConsumer(
        topic, bootstrap_servers=broker, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=500)
    for record in consumer:
        values.append(record.value.decode())
        if len(values) == int(count):
            break
    consumer.commit()
    consumer.close()
else:
    from confluent_kafka import Consumer
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 6000})
    consumer.subscribe([topic])
    while len(values) < int(count):
        record = consumer.poll(1)
        if record is not None and record.error() is None:
            values.append(record.value().decode())
    consumer.commit(asynchronous=False)
    consumer.close()
print("\n".join(values))
