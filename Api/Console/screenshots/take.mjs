// Takes pictures of the console's pages, wide and narrow, light and dark, with a sample of data that it makes first.
//
//     dotnet run --project Api -c Release            (in another terminal, on an empty data folder)
//     node Api/Console/screenshots/take.mjs [folder] [address]
//
// Without a folder it takes those that README shows, into this one. It uses Chromium where it is installed (CHROMIUM names another path), and
// playwright-core of the tests (`npm ci` in Tests).
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(here, '../../../Tests/package.json'))('playwright-core');
const [given, address = 'http://localhost:8080'] = process.argv.slice(2);
const folder = given || here;
const isForReadme = folder === here;
const SIZES = isForReadme ? [['wide', 1280, 760]] : [['wide', 1280, 900], ['narrow', 390, 844]];
const THEMES = isForReadme ? ['light'] : ['light', 'dark'];
const PAGES = [
  ['overview', '.'], ['topics', 'topics'], ['topic', 'topics/matches'], ['records', 'topics/matches/records'], ['record', 'topics/matches/records?json=%24.minute%20%3E%3D%2080'],
  ['live', 'topics/matches/records?live=true'], ['settings', 'topics/matches/settings'], ['keys', 'topics/matches/keys'], ['produce', 'topics/matches/produce'],
  ['groups', 'groups'], ['group', 'groups/scoreboard'], ['dead-letters', 'dead-letters'], ['dead-letter', 'dead-letters?group=scoreboard&topic=matches.scoreboard.dlq'],
  ['cluster', 'cluster'], ['access', 'access'], ['rights', 'access?tab=rights'], ['audit', 'access?tab=audit'], ['sample', 'sample'], ['new-topic', 'topics?new=true'], ['none', 'nothing-here'],
].filter(([name]) => !isForReadme || name === 'topic');

const call = async (method, path, body, type = 'application/json') => {
  const answer = await fetch(`${address}/v1/${path}`, { method, body, headers: body === undefined ? {} : { 'Content-Type': type } });
  if (!answer.ok && answer.status !== 409) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.headers.get('content-type')?.startsWith('application/json') ? answer.json() : answer.text();
};

// A topic with records, a group that lags, and dead letters.
const lines = readFileSync(join(here, '../../Samples/world-cup.ndjson'), 'utf8');
await call('PUT', 'topics/matches', '{"partitions":6}');
for (const topic of ['clicks', 'comments', 'pages.raw', 'pages.parsed', 'videos']) await call('PUT', `topics/${topic}`, '{"partitions":3}');
await call('POST', 'topics/matches/records', lines, 'application/x-ndjson');
await call('PUT', 'groups/scoreboard', '{"max_attempts":1}');
let cursor = null;
let failed = [];
for (let i = 0; i < 4; i++) {
  const answer = await call('POST', 'groups/scoreboard/members/anna/poll', JSON.stringify({ topics: ['matches'], max_records: 60, cursor, ...(failed.length ? { failed } : {}) }));
  cursor = answer.cursor;
  failed = answer.records.slice(0, 3).map(({ topic, partition, offset }, at) => ({ topic, partition, offset, reason: at ? 'the scoreboard answered 503' : 'no such team' }));
}

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
for (const [size, width, height] of SIZES) {
  for (const theme of THEMES) {
    const tab = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
    for (const [name, path] of PAGES) {
      await tab.goto(`${address}/console/${path}`);
      await tab.locator('h1').first().waitFor();
      await tab.getByText('Loading…').waitFor({ state: 'detached' });
      if (name === 'record') await tab.getByRole('button', { name: /^\d+$/ }).first().click();
      if (name === 'sample') {
        await tab.getByTestId('play').click();
        await tab.getByTestId('member-anna').getByText(/partitions \d/).waitFor();
      }
      // Figures that are asked for row by row.
      await tab.waitForLoadState('networkidle').catch(() => {});
      await tab.waitForTimeout(isForReadme ? 15_000 : 900);
      const overflow = await tab.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
      if (overflow > 0) console.log(`${name} ${size} ${theme}: scrolls sideways by ${overflow} pixels`);
      await tab.screenshot({ path: join(folder, isForReadme ? `${name}.png` : `${name}-${size}-${theme}.png`), fullPage: !isForReadme });
    }
    await tab.close();
  }
}
await browser.close();
