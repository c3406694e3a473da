// stdin: one batch a line, as base64. stdout: one JSON line a batch, as kafkajs decodes it.
const readline = require('node:readline');
const { ready, decodeBatch, Decoder, crc32C, recordToJson } = require('./kafka-codecs.cjs');

const CRC_POSITION = 17;
const ATTRIBUTES_POSITION = 21;

(async () => {
  await ready();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const bytes = Buffer.from(line, 'base64');
    const { records, ...header } = await decodeBatch(new Decoder(bytes));
    console.log(JSON.stringify({
      ...header,
      // kafkajs computes checksums only when it writes.
      crcMatches: bytes.readUInt32BE(CRC_POSITION) === crc32C(bytes.subarray(ATTRIBUTES_POSITION)) >>> 0,
      records: records.map(recordToJson),
    }));
  }
})();
