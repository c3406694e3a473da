// stdin: one JSON line a batch: { compression, firstTimestamp, records: [{ timestampDelta, key, value, headers }] }, bytes as hex.
// stdout: one line a batch, as base64, as kafkajs encodes it.
const readline = require('node:readline');
const { ready, RecordBatch, Record } = require('./kafka-codecs.cjs');

const bytes = hex => (hex === null ? null : Buffer.from(hex, 'hex'));

(async () => {
  await ready();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const batch = JSON.parse(line);
    const encoded = await RecordBatch({
      compression: batch.compression,
      firstTimestamp: batch.firstTimestamp,
      maxTimestamp: batch.maxTimestamp,
      lastOffsetDelta: batch.records.length - 1,
      producerId: 4711,
      producerEpoch: 7,
      firstSequence: 12,
      records: batch.records.map((record, offsetDelta) => Record({
        offsetDelta,
        timestampDelta: record.timestampDelta,
        key: bytes(record.key),
        value: bytes(record.value),
        headers: Object.fromEntries(record.headers.map(([key, value]) => [key, bytes(value)])),
      })),
    });
    console.log(encoded.buffer.toString('base64'));
  }
})();
