// Works out what the storage of a load costs a month on Azure Blob Storage, and prints the tables of infra/README.md.
//
//   node infra/cost.mjs --mb-per-second 10 --partitions 1000 --sku Standard_ZRS
//   node infra/cost.mjs --mb-per-second 10 --partitions 1000 --appends-per-second-max 30
//   node infra/cost.mjs --tables
//
// The load is even: each busy partition gets its share of the produce requests. A partition appends once for all that waits, and begins the next
// append when the one before is durable, or when flush.interval.ms is over. So it appends as often as it is produced to, at most 1 / append time.
import { readFileSync } from 'node:fs';

const prices = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8'));

const SECONDS_A_MONTH = 2_628_000;
const BYTES_A_MB = 1_000_000;
const BYTES_A_KIB = 1_024;
const BYTES_A_GB = 1_000_000_000;

const DEFAULTS = {
  'mb-per-second': 10,
  partitions: 100,
  sku: 'Standard_ZRS',
  silos: 3,
  'produce-kib': 8,
  'append-ms': 20,
  'flush-interval-ms': 0,
  'appends-per-second-max': 0,
  'retention-hours': 168,
  'soft-delete-days': 7,
};

const MEANINGS = {
  'mb-per-second': 'megabytes of records a second, in all',
  partitions: 'the partitions that these go to',
  sku: `the kind of account: ${Object.keys(prices.skus).join(' or ')}`,
  silos: 'the silos that share the partitions evenly',
  'produce-kib': 'the KiB of one produce request',
  'append-ms': 'how long an append to a blob takes',
  'flush-interval-ms': "the topics' flush.interval.ms",
  'appends-per-second-max': "each silo's OrleansStream:Storage:AzureBlobs:AppendsPerSecondMax; 0 for none",
  'retention-hours': 'how long records are kept',
  'soft-delete-days': 'how long the account holds what was deleted; 0 for not at all',
};

/** The month of a load. Rates are a second, money is USD a month, waits are seconds. */
export const estimate = given => {
  const load = { ...DEFAULTS, ...given };
  const price = prices.skus[load.sku];
  const bytesPerSecond = load['mb-per-second'] * BYTES_A_MB;
  const producesPerSecond = bytesPerSecond / (load['produce-kib'] * BYTES_A_KIB);
  const perPartitionMax = 1_000 / Math.max(load['append-ms'], load['flush-interval-ms']);
  const wantedPerSecond = load.partitions * Math.min(producesPerSecond / load.partitions, perPartitionMax);
  const budgetPerSecond = load['appends-per-second-max'] > 0 ? load.silos * load['appends-per-second-max'] : Infinity;
  const appendsPerSecond = Math.min(wantedPerSecond, budgetPerSecond);
  const keptGb = (bytesPerSecond * load['retention-hours'] * 3_600) / BYTES_A_GB;
  const softDeletedGb = (bytesPerSecond * load['soft-delete-days'] * 86_400) / BYTES_A_GB;
  const appendsUsd = (appendsPerSecond * SECONDS_A_MONTH * price.writesPer10000) / 10_000;
  return {
    load,
    producesPerSecond,
    appendsPerSecond,
    // A silo's partitions take turns, and whoever has waited longest goes first.
    waitSeconds: wantedPerSecond > budgetPerSecond ? load.partitions / budgetPerSecond : 0,
    keptGb,
    softDeletedGb,
    appendsUsd,
    keptUsd: keptGb * price.gbMonth,
    softDeletedUsd: softDeletedGb * price.gbMonth,
    totalUsd: appendsUsd + (keptGb + softDeletedGb) * price.gbMonth,
  };
};

const round = value => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en-US'));

const table = (head, rows) => [
  `| ${head.join(' | ')} |`,
  `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`,
  ...rows.map(row => `| ${row.join(' | ')} |`),
].join('\n');

const LOADS = [1, 10, 100];
const PARTITIONS = [10, 100, 1_000];

/** The tables of infra/README.md. */
export const tables = () => [
  'Appends alone, USD a month, for so many MB a second in produce requests of 8 KiB:',
  table(
    ['busy partitions', ...LOADS.map(mb => `${mb} MB/s, Standard`), ...LOADS.map(mb => `${mb} MB/s, Premium`)],
    PARTITIONS.map(partitions => [
      partitions.toLocaleString('en-US'),
      ...Object.keys(prices.skus).flatMap(sku => LOADS.map(mb => round(estimate({ 'mb-per-second': mb, partitions, sku }).appendsUsd))),
    ])),
  '10 MB/s on Standard, with `flush.interval.ms` of the topics, and with `AppendsPerSecondMax` of each of three silos (USD; the wait of a record):',
  table(
    ['busy partitions', 'neither', '`flush.interval.ms` 100', '… 1,000', 'budget 100', 'budget 30'],
    PARTITIONS.map(partitions => {
      const of = more => estimate({ partitions, ...more });
      const wait = month => (month.waitSeconds > 0 ? `${round(month.appendsUsd)}; ${round(month.waitSeconds)} s` : round(month.appendsUsd));
      return [
        partitions.toLocaleString('en-US'), round(of({}).appendsUsd), round(of({ 'flush-interval-ms': 100 }).appendsUsd),
        round(of({ 'flush-interval-ms': 1_000 }).appendsUsd), wait(of({ 'appends-per-second-max': 100 })), wait(of({ 'appends-per-second-max': 30 })),
      ];
    })),
  'The whole month of 10 MB/s over 100 partitions, kept for 7 days (USD):',
  table(
    ['account', 'appends', 'kept', 'held by soft delete', 'sum'],
    Object.keys(prices.skus).flatMap(sku => [0, 30].map(budget => {
      const month = estimate({ sku, 'appends-per-second-max': budget });
      return [
        budget > 0 ? `${sku}, budget ${budget}` : sku, round(month.appendsUsd), round(month.keptUsd), round(month.softDeletedUsd), round(month.totalUsd),
      ];
    }))),
].join('\n\n');

const usage = () => [
  'node infra/cost.mjs [--name value …], or --tables',
  ...Object.entries(MEANINGS).map(([name, meaning]) => `  --${name.padEnd(24)} ${meaning} (${DEFAULTS[name]})`),
].join('\n');

const fail = message => {
  console.error(`${message}\n\n${usage()}`);
  process.exit(2);
};

const parse = args => {
  const load = {};
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, '');
    if (!args[i].startsWith('--') || !(name in DEFAULTS)) fail(`'${args[i]}' is none of the settings.`);
    const text = args[i + 1];
    if (text === undefined) fail(`--${name} needs a value.`);
    if (name === 'sku') {
      if (!(text in prices.skus)) fail(`--sku is '${text}'; expected ${MEANINGS.sku}.`);
      load.sku = text;
      continue;
    }

    const value = Number(text);
    const mayBeZero = ['flush-interval-ms', 'appends-per-second-max', 'retention-hours', 'soft-delete-days'].includes(name);
    if (text.trim() === '' || !Number.isFinite(value) || value < 0 || (value === 0 && !mayBeZero)) {
      fail(`--${name} is '${text}'; expected a number ${mayBeZero ? 'from 0 up' : 'above 0'}.`);
    }

    load[name] = value;
  }

  return load;
};

const print = month => {
  const lines = [
    ['produce requests a second', round(month.producesPerSecond)],
    ['appends a second', round(month.appendsPerSecond)],
    ['wait of a record for its turn', `${round(month.waitSeconds)} s`],
    ['kept', `${round(month.keptGb)} GB`],
    ['held by soft delete', `${round(month.softDeletedGb)} GB`],
    ['appends', `${round(month.appendsUsd)} USD a month`],
    ['kept', `${round(month.keptUsd)} USD a month`],
    ['held by soft delete', `${round(month.softDeletedUsd)} USD a month`],
    ['sum', `${round(month.totalUsd)} USD a month`],
  ];
  for (const [name, value] of lines) console.log(`${name.padEnd(30)} ${value}`);
  console.log(`\nPrices: ${month.load.sku}, ${prices.region}, written down on ${prices.writtenDown} (infra/prices.json).`);
};

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  const args = process.argv.slice(2);
  if (args.includes('--help')) console.log(usage());
  else if (args.length === 1 && args[0] === '--tables') console.log(tables());
  else print(estimate(parse(args)));
}
