// kafkajs with all four codecs: its own gzip, and pure JavaScript or WebAssembly for the others.
const compression = require('kafkajs/src/protocol/message/compression');
const lz4 = require('lz4js');
const snappy = require('kafkajs-snappy');
const zstd = require('@bokuweb/zstd-wasm');

// Both give plain arrays, and kafkajs reads Buffers only.
compression.Codecs[compression.Types.Snappy] = snappy;
compression.Codecs[compression.Types.LZ4] = () => ({
  compress: async encoder => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async bytes => Buffer.from(lz4.decompress(bytes)),
});
compression.Codecs[compression.Types.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer, 3)),
  decompress: async bytes => Buffer.from(zstd.decompress(bytes)),
});

const hex = bytes => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('hex'));

// One JSON object a record; bytes as hex, null as null, a header that comes twice as two pairs.
const recordToJson = record => ({
  offset: record.offset,
  timestamp: record.timestamp,
  key: hex(record.key),
  value: hex(record.value),
  headers: Object.entries(record.headers).flatMap(([key, value]) =>
    Array.isArray(value) ? value.map(one => [key, hex(one)]) : [[key, hex(value)]]),
});

module.exports = {
  ready: () => zstd.init(),
  decodeBatch: require('kafkajs/src/protocol/recordBatch/v0/decoder'),
  Decoder: require('kafkajs/src/protocol/decoder'),
  RecordBatch: require('kafkajs/src/protocol/recordBatch/v0').RecordBatch,
  Record: require('kafkajs/src/protocol/recordBatch/record/v0'),
  crc32C: require('kafkajs/src/protocol/recordBatch/crc32C'),
  recordToJson,
};
