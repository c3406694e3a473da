// argv: kafkajs or platformatic, then the broker, and to sign in a token of OpenID Connect. stdin: one JSON object a line, what to do. stdout: one JSON line for each, what came of it.
// Keys, values and headers are hex, null is null.
const readline = require('node:readline');
const codecs = require('./kafka-codecs.cjs');

const [library, broker, token] = process.argv.slice(2);
const bytes = hex => (hex === null ? null : Buffer.from(hex, 'hex'));
const hex = value => (value === null || value === undefined ? null : Buffer.from(value).toString('hex'));

const openKafkaJs = async () => {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
  const { Kafka, logLevel, Partitioners, CompressionTypes } = require('kafkajs');
  await codecs.ready();
  const kafka = new Kafka({
    clientId: 'kafkajs', brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 3 },
    sasl: token && { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: token }) },
  });
  const admin = kafka.admin();
  const producers = new Map();
  const producerFor = async idempotent => {
    if (!producers.has(idempotent)) {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent, maxInFlightRequests: idempotent ? 5 : undefined });
      await producer.connect();
      producers.set(idempotent, producer);
    }

    return producers.get(idempotent);
  };
  await admin.connect();
  // Its consumer reads as a member of a group only; what it reads with can be had without one.
  const createCluster = Object.getOwnPropertySymbols(kafka).find(symbol => symbol.description.endsWith('createCluster'));
  const cluster = kafka[createCluster]({ allowAutoTopicCreation: false });
  await cluster.connect();
  const types = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD };
  return {
    produce: async ({ topic, codec, idempotent, acks, messages }) => {
      const producer = await producerFor(idempotent === true);
      const sent = await producer.send({
        topic, acks: acks ?? -1, compression: types[codec],
        messages: messages.map(one => ({
          key: bytes(one.key), value: bytes(one.value), partition: one.partition ?? undefined, timestamp: String(one.timestamp),
          headers: Object.fromEntries(one.headers.map(([key, value]) => [key, bytes(value)])),
        })),
      });
      return { offsets: sent.map(one => [one.partition, Number(one.baseOffset)]) };
    },
    read: async ({ topic, partition, offset, count, maxBytes = 1 << 20 }) => {
      await cluster.addTargetTopic(topic);
      await cluster.refreshMetadata();
      const leader = await cluster.findBroker({ nodeId: cluster.findTopicPartitionMetadata(topic)[partition].leader });
      const messages = [];
      while (messages.length < count) {
        const { responses } = await leader.fetch({
          maxWaitTime: 500, minBytes: 1, maxBytes,
          topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes }] }],
        });
        for (const message of responses[0].partitions[0].messages) {
          if (Number(message.offset) < offset || message.isControlRecord) continue;
          messages.push({ ...codecs.recordToJson(message), offset: Number(message.offset), timestamp: Number(message.timestamp) });
          offset = Number(message.offset) + 1;
        }
      }

      return { messages };
    },
    readAsMember: async ({ topics, group, count }) => {
      const read = new Map(topics.map(topic => [topic, []]));
      const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 200 });
      await consumer.connect();
      await consumer.subscribe({ topics, fromBeginning: true });
      await new Promise((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
        const eachMessage = async ({ topic, message }) => {
          read.get(topic).push({ ...codecs.recordToJson(message), offset: Number(message.offset), timestamp: Number(message.timestamp) });
          if ([...read.values()].every(messages => messages.length >= count)) resolve();
        };
        consumer.run({ eachMessage }).catch(reject);
      });
      await consumer.disconnect();
      return { topics: [...read.values()] };
    },
    offsets: async ({ topic }) => ({ offsets: await admin.fetchTopicOffsets(topic) }),
    admin: async ({ method, argument }) => ({ answer: await admin[method](argument) }),
    close: async () => {
      for (const producer of producers.values()) await producer.disconnect();
      await cluster.disconnect();
      await admin.disconnect();
    },
  };
};

const openPlatformatic = async () => {
  const { Producer, Consumer, Admin } = await import('@platformatic/kafka');
  const options = { clientId: 'platformatic', bootstrapBrokers: [broker], retries: 3, timeout: 10_000, ...(token ? { sasl: { mechanism: 'OAUTHBEARER', token } } : {}) };
  const producers = new Map();
  const producerFor = idempotent => {
    if (!producers.has(idempotent)) producers.set(idempotent, new Producer({ ...options, idempotent }));
    return producers.get(idempotent);
  };
  const consumer = new Consumer({ ...options, groupId: 'none' });
  const admin = new Admin(options);
  return {
    produce: async ({ topic, codec, idempotent, acks, messages }) => {
      const sent = await producerFor(idempotent === true).send({
        compression: codec, acks: acks ?? -1,
        messages: messages.map(one => ({
          topic, key: one.key === null ? undefined : bytes(one.key), value: one.value === null ? undefined : bytes(one.value),
          partition: one.partition ?? undefined, timestamp: BigInt(one.timestamp),
          headers: new Map(one.headers.map(([key, value]) => [Buffer.from(key), bytes(value)])),
        })),
      });
      return { offsets: (sent.offsets ?? []).map(one => [one.partition, Number(one.offset)]) };
    },
    read: async ({ topic, partition, offset, count, maxBytes = 1 << 20 }) => {
      const metadata = await consumer.metadata({ topics: [topic] });
      const { id, partitions } = metadata.topics.get(topic);
      const messages = [];
      while (messages.length < count) {
        const fetched = await consumer.fetch({
          node: partitions[partition].leader, maxWaitTime: 500, minBytes: 1, maxBytes,
          topics: [{
            topicId: id,
            partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset: BigInt(offset), lastFetchedEpoch: -1, partitionMaxBytes: maxBytes }],
          }],
        });
        for (const batch of fetched.responses.flatMap(one => one.partitions).flatMap(one => one.records ?? [])) {
          for (const record of batch.records) {
            const at = Number(batch.firstOffset) + record.offsetDelta;
            if (at < offset || (batch.attributes & 32) !== 0) continue;
            messages.push({
              offset: at, timestamp: Number(batch.firstTimestamp + record.timestampDelta),
              key: hex(record.key), value: hex(record.value),
              headers: [...record.headers].map(([key, value]) => [key.toString(), hex(value)]),
            });
            offset = at + 1;
          }
        }
      }

      return { messages };
    },
    readAsMember: async ({ topics, group, count }) => {
      const read = new Map(topics.map(topic => [topic, []]));
      const member = new Consumer({ ...options, groupId: group });
      const stream = await member.consume({ topics, mode: 'committed', fallbackMode: 'earliest', autocommit: true, maxWaitTime: 200 });
      for await (const message of stream) {
        read.get(message.topic).push({
          offset: Number(message.offset), timestamp: Number(message.timestamp), key: hex(message.key), value: hex(message.value),
          headers: [...message.headers].map(([key, value]) => [key.toString(), hex(value)]),
        });
        if ([...read.values()].every(messages => messages.length >= count)) break;
      }

      await member.close(true);
      return { topics: [...read.values()] };
    },
    offsets: async ({ topic }) => ({ offsets: [...(await consumer.listOffsets({ topics: [topic], timestamp: -1n })).get(topic)].map(Number) }),
    admin: async ({ method, argument }) => ({ answer: await admin[method](argument) }),
    close: async () => {
      for (const producer of producers.values()) await producer.close();
      await consumer.close(true);
      await admin.close();
    },
  };
};

const main = async () => {
  const client = await (library === 'kafkajs' ? openKafkaJs() : openPlatformatic());
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { op, ...request } = JSON.parse(line);
    let answer;
    try {
      answer = await client[op](request);
    } catch (error) {
      answer = { error: [error, error.cause, ...(error.errors ?? [])].filter(Boolean).map(one => one.message).join(' | ') };
    }

    console.log(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? Number(value) : value instanceof Map ? [...value] : value)));
  }

  await client.close();
};

// What is written to a pipe goes on behind the call: the program ends when all of it is out.
main().then(() => process.stdout.write('', () => process.exit(0)), error => { console.error(error); process.exit(1); });
