#!/usr/bin/env bash
# KafkaJS 2.2.4 takes a batch's max timestamp from those messages that name a time. Messages without one are dated now, and do not count: then the
# header says an earlier time than the latest record's. Kafka's protocol asks for the maximum over all records (message format, RecordBatch).
# A broker that believes the header deletes such records too early, and skips them when a consumer looks a time up.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --no-fund --no-audit --loglevel=error kafkajs@2.2.4 >/dev/null

cat >program.cjs <<'PROGRAM'
// A broker that answers what a producer needs, and looks at the batch that it sends. On loopback, for one connection.
const net = require('node:net');
const { Kafka, logLevel } = require('kafkajs');
const Decoder = require('kafkajs/src/protocol/decoder');
const { version } = require('kafkajs/package.json');

const int16 = n => { const b = Buffer.alloc(2); b.writeInt16BE(n); return b; };
const int32 = n => { const b = Buffer.alloc(4); b.writeInt32BE(n); return b; };
const int64 = n => { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(n)); return b; };
const text = s => Buffer.concat([int16(Buffer.byteLength(s)), Buffer.from(s)]);
const keys = [[0, 0, 3], [3, 0, 1], [18, 0, 0]];
const yesterday = Date.now() - 86_400_000;

const server = net.createServer(socket => {
  let received = Buffer.alloc(0);
  socket.on('data', data => {
    received = Buffer.concat([received, data]);
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const frame = received.subarray(4, 4 + received.readInt32BE(0));
      received = received.subarray(4 + frame.length);
      answer(socket, frame);
    }
  });
});

const answer = (socket, frame) => {
  const [key, correlation] = [frame.readInt16BE(0), frame.readInt32BE(4)];
  const port = server.address().port;
  const bodies = {
    18: () => [int16(0), int32(keys.length), ...keys.flat().map(int16)],
    3: () => [int32(1), int32(0), text('127.0.0.1'), int32(port), int16(-1), int32(0), int32(1), int16(0), text('t'), Buffer.from([0]),
      int32(1), int16(0), int32(0), int32(0), int32(1), int32(0), int32(1), int32(0)],
    0: () => {
      judge(frame.subarray(frame.indexOf(text('t')) + 3 + 4 + 4 + 4));
      return [int32(1), text('t'), int32(1), int32(0), int16(0), int64(0), int64(-1), int32(0)];
    },
  };
  const body = Buffer.concat([int32(correlation), ...bodies[key]()]);
  socket.write(Buffer.concat([int32(body.length), body]));
};

let found;
const judge = batch => {
  const [base, max] = [Number(batch.readBigInt64BE(27)), Number(batch.readBigInt64BE(35))];
  const decoder = new Decoder(batch.subarray(61));
  let latest = base;
  for (let count = batch.readInt32BE(57); count > 0; count--) {
    const length = decoder.readVarInt();
    const record = decoder.slice(length);
    decoder.forward(length);
    record.readInt8();
    latest = Math.max(latest, base + Number(record.readVarLong().toString()));
  }

  found = { max, latest };
};

server.listen(0, '127.0.0.1', async () => {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${server.address().port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const producer = kafka.producer();
  try {
    await producer.connect();
    await producer.send({ topic: 't', messages: [{ value: 'of yesterday', timestamp: String(yesterday) }, { value: 'of now' }] });
  } finally {
    await producer.disconnect();
    server.close();
  }

  console.log(`kafkajs ${version}: one message dated yesterday, one without a time`);
  console.log(`the header's max timestamp is ${(found.latest - found.max) / 3_600_000 > 23 ? 'a day' : `${found.latest - found.max} ms`} below the latest record's own`);
  process.exitCode = found.max === yesterday && found.latest > yesterday + 80_000_000 ? 0 : 1;
});
PROGRAM
if node program.cjs; then
  echo "as described"
else
  echo "CHANGED: the header no longer says less than the records"
  exit 1
fi
