# Appends records "0", "1", … under the keys of its standard input, a line each, many at once. Arguments: library, bootstrap server, topic, and, to sign in,
# user and password. Prints the partition and the offset of each, a line each.
import sys

library, broker, topic = sys.argv[1:4]
keys = sys.stdin.read().split()
if library == "kafka":
    from kafka import KafkaProducer
    sasl = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": sys.argv[4], "sasl_plain_password": sys.argv[5]} if len(sys.argv) > 4 else {}
    producer = KafkaProducer(bootstrap_servers=broker, acks="all", retries=3, max_in_flight_requests_per_connection=5, batch_size=0, **sasl)
    sent = [producer.send(topic, key=key.encode(), value=str(i).encode()) for i, key in enumerate(keys)]
    for one in sent:
        metadata = one.get(timeout=20)
        print(metadata.partition, metadata.offset)
else:
    from confluent_kafka import Producer
    sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": sys.argv[4], "sasl.password": sys.argv[5]} if len(sys.argv) > 4 else {}
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random", "enable.idempotence": True, **sasl})
    places = {}

    def delivered(i):
        def note(error, message):
            places[i] = "failed: " + str(error) if error else f"{message.partition()} {message.offset()}"
        return note

    for i, key in enumerate(keys):
        producer.produce(topic, key=key, value=str(i), on_delivery=delivered(i))
    producer.flush(20)
    for i in range(len(keys)):
        print(places[i])
