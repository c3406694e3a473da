import createClient from 'openapi-fetch';
import type { paths } from './service.js';

declare const process: { argv: string[] };

const [baseUrl, topic] = process.argv.slice(2) as [string, string];
// Some answers have a second media type; this client asks for none.
const client = createClient<paths, 'application/json' | 'application/problem+json'>({ baseUrl });

const { data: created } = await client.PUT('/v1/topics/{topic}', {
  params: { path: { topic } },
  body: { partitions: 1, config: { 'retention.ms': 86_400_000, 'compression.type': 'zstd', 'hot.key.detection': false } },
});
const { data: produced } = await client.POST('/v1/topics/{topic}/records', {
  params: { path: { topic } },
  body: {
    acks: 'all',
    records: [
      { key: 'peru-chile', value: { minute: 12 }, timestamp: 1_781_205_600_000, headers: [{ key: 'source', value: 'stadium' }] },
      { key: 'peru-chile', value: null },
    ],
  },
});
const { data: fetched } = await client.GET('/v1/topics/{topic}/partitions/{partition}/records', {
  params: { path: { topic, partition: 0 }, query: { offset: 0 } },
});
const { data: polled } = await client.POST('/v1/groups/{group}/members/{member}/poll', {
  params: { path: { group: `g-${topic}`, member: 'anna' } },
  body: { topics: [topic], wait_ms: 5000 },
});
const { error: refused } = await client.GET('/v1/topics/{topic}', { params: { path: { topic: `${topic}-else` } } });

const first = fetched!.records[0]!;
const offset: number | null | undefined = produced!.results.at(-1)!.offset;
console.log(
  [
    created!.config['retention.ms'], created!.config['compression.type'], offset, first.key, JSON.stringify(first.value), Date.parse(first.timestamp!),
    first.headers![0]!.value, polled!.records.length, polled!.records[0]!.key, refused!.error_code,
  ].join(' '),
);
