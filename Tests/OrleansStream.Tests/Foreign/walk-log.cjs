// Walks a segment file from its first byte to its tail as a Kafka log reader does: headers by its own reading of the format,
// records by kafkajs. One JSON line a batch, then { end, zeroBytes }: where the last batch ends, and how many zero bytes of a
// preallocated file follow it. Bytes that are neither end the walk with { error, position } and exit code 1.
// usage: node walk-log.cjs <file> [--records]
const fs = require('node:fs');
const { ready, decodeBatch, Decoder, crc32C, recordToJson } = require('./kafka-codecs.cjs');

const HEADER_BYTES = 61;
const LOG_OVERHEAD_BYTES = 12;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const readHeader = (bytes, position) => {
  const attributes = bytes.readInt16BE(position + 21);
  return {
    position,
    baseOffset: Number(bytes.readBigInt64BE(position)),
    lengthBytes: LOG_OVERHEAD_BYTES + bytes.readInt32BE(position + 8),
    leaderEpoch: bytes.readInt32BE(position + 12),
    magic: bytes.readInt8(position + 16),
    crc: bytes.readUInt32BE(position + 17),
    compression: CODECS[attributes & 0x07],
    logAppendTime: (attributes & 0x08) !== 0,
    isTransactional: (attributes & 0x10) !== 0,
    isControl: (attributes & 0x20) !== 0,
    lastOffset: Number(bytes.readBigInt64BE(position)) + bytes.readInt32BE(position + 23),
    baseTimestamp: Number(bytes.readBigInt64BE(position + 27)),
    maxTimestamp: Number(bytes.readBigInt64BE(position + 35)),
    producerId: Number(bytes.readBigInt64BE(position + 43)),
    producerEpoch: bytes.readInt16BE(position + 51),
    baseSequence: bytes.readInt32BE(position + 53),
    recordCount: bytes.readInt32BE(position + 57),
  };
};

const check = (isTrue, message) => {
  if (!isTrue) throw new Error(message);
};

const walk = async (bytes, withRecords) => {
  let position = 0;
  let nextOffset = null;
  let dataBytes = bytes.length;
  while (dataBytes > 0 && bytes[dataBytes - 1] === 0) dataBytes--;
  try {
    // A batch may end in zeros, so the zeros before the file's end are no tail before a batch's end says so.
    while (position < dataBytes) {
      check(bytes.length - position >= HEADER_BYTES, `${bytes.length - position} bytes are no header`);
      const header = readHeader(bytes, position);
      check(header.magic === 2, `magic is ${header.magic}`);
      check(header.lengthBytes >= HEADER_BYTES, `length is ${header.lengthBytes}`);
      check(header.lengthBytes <= bytes.length - position, `the batch of ${header.lengthBytes} bytes is cut off`);
      const batch = bytes.subarray(position, position + header.lengthBytes);
      check(crc32C(batch.subarray(21)) >>> 0 === header.crc, 'the checksum does not match');
      check(nextOffset === null || header.baseOffset === nextOffset, `base offset ${header.baseOffset} follows ${nextOffset}`);

      const { records } = await decodeBatch(new Decoder(batch));
      check(records.length === header.recordCount, `${records.length} records instead of ${header.recordCount}`);
      const offsets = records.map(record => Number(record.offset));
      check(offsets.every((offset, i) => i === 0 ? offset >= header.baseOffset : offset > offsets[i - 1]), 'offsets do not rise');
      check(offsets.every(offset => offset <= header.lastOffset), `an offset lies past ${header.lastOffset}`);

      console.log(JSON.stringify(withRecords ? { ...header, records: records.map(recordToJson) } : header));
      nextOffset = header.lastOffset + 1;
      position += header.lengthBytes;
    }

    console.log(JSON.stringify({ end: position, zeroBytes: bytes.length - position }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, position }));
    process.exitCode = 1;
  }
};

(async () => {
  await ready();
  await walk(fs.readFileSync(process.argv[2]), process.argv.includes('--records'));
})();
