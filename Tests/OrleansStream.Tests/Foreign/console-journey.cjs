// Uses the web console in a real browser as a person would. Arguments: the browser, a new folder for its profile, the console's address, an API key,
// and `troubled` where nodes are killed meanwhile. Prints a JSON text a line: the steps, with what was found at each, and how long it took. Where it is
// troubled it prints `trouble` and which, and goes on once it is given a line.
const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { chromium } = require('playwright-core');

const [executablePath, profile, address, key, mode] = process.argv.slice(2);
const isTroubled = mode === 'troubled';
const WAIT_MS = isTroubled ? 90_000 : 30_000;
// Requests that a killed node did not answer, and those that the others refuse until they have taken its place, are the trouble itself.
const EXPECTED = isTroubled ? /status of (40[0-9]|50[34])|net::ERR_/ : /status of 40[0-9]/;
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
// The longest name that a topic, or a group in REST, may have.
const LONGEST = 'n'.repeat(249);
const LOOKS = [[1280, 900, 'light'], [1280, 900, 'dark'], [390, 844, 'light'], [390, 844, 'dark']];
const PAGES = [
  ['.', 'Overview'], ['topics', 'Topics'], ['topics?new=true', 'Topics'], ['topics/matches', 'matches'], ['topics/matches/settings', 'Settings of matches'],
  ['topics/matches/keys', 'Hot keys of matches'], ['topics/matches/produce', 'Produce to matches'], ['topics/matches/records', 'Records of matches'],
  ['topics/matches/records?live=true', 'Records of matches'], ['groups', 'Groups'], ['groups/scoreboard', 'scoreboard'], ['dead-letters', 'Dead letters'],
  ['dead-letters?group=scoreboard&topic=matches.scoreboard.dlq', 'Dead letters'], ['cluster', 'Cluster'], ['access', 'Access'], ['access?tab=rights', 'Access'],
  ['access?tab=audit', 'Access'], ['sample', 'World Cup sample'], ['not-found', 'Not found'], ['topics/none', 'none'], ['groups/none', 'none'],
  [`topics/${LONGEST}`, LONGEST], [`topics/${LONGEST}/settings`, `Settings of ${LONGEST}`], [`topics/${LONGEST}/keys`, `Hot keys of ${LONGEST}`],
  [`topics/${LONGEST}/produce`, `Produce to ${LONGEST}`], [`topics/${LONGEST}/records`, `Records of ${LONGEST}`],
  [`topics/${LONGEST}/records?live=true`, `Records of ${LONGEST}`], [`groups/${LONGEST}`, LONGEST], [`topics?prefix=${LONGEST}`, 'Topics'],
];
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const complaints = [];
const tell = (name, found) => console.log(JSON.stringify({ name, ...found }));
const answers = isTroubled ? createInterface({ input: process.stdin })[Symbol.asyncIterator]() : null;
const meet = async trouble => {
  if (!isTroubled) return;
  tell('trouble', { trouble });
  await answers.next();
};

const faultsOf = async tab => {
  // By the browser's own way past the page's policy: what is tested is the page, not axe.
  const session = await tab.context().newCDPSession(tab);
  await session.send('Runtime.evaluate', { expression: AXE });
  const found = await tab.evaluate(async tags => {
    const result = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    return result.violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => `${node.target} ${node.failureSummary}`).join(' | ')}`);
  }, TAGS);
  const overflow = await tab.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
  // A wide table scrolls by itself; what one presses in it is seen all the same, and so is what stands in no table.
  const cut = await tab.evaluate(() => [...document.querySelectorAll('main :is(button, fluent-button, fluent-text-input, input, select, textarea)')]
    .filter(one => one.offsetParent && one.getBoundingClientRect().right > (one.closest('.scroll') ?? document.documentElement).getBoundingClientRect().right + 0.5)
    .map(one => `'${one.getAttribute('aria-label') ?? one.textContent.trim()}' is cut off.`));
  return [...found, ...cut.slice(0, 3), ...(overflow > 0 ? [`The page scrolls sideways by ${overflow} pixels.`] : [])];
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, viewport: { width: 1280, height: 900 } });
  const tab = context.pages()[0] ?? (await context.newPage());
  tab.setDefaultTimeout(WAIT_MS);
  tab.on('console', message => message.type() === 'error' && !EXPECTED.test(message.text()) && complaints.push(message.text()));
  tab.on('pageerror', error => complaints.push(String(error)));

  const field = id => tab.getByTestId(id).locator('input').first();
  const press = id => tab.getByTestId(id).first().click();
  // Within the console, as by a link; or anew, as by a bookmark.
  const open = async (path, title, isAnew = false) => {
    const href = new URL(path, address).href;
    if (isAnew) await tab.goto(href);
    else await tab.evaluate(way => globalThis.Blazor.navigateTo(way), href);
    await tab.waitForURL(href);
    await tab.waitForFunction(begin => document.title.startsWith(begin), title);
    await tab.locator('h1').first().waitFor();
  };
  const step = async (name, work) => {
    const begun = Date.now();
    const found = await work();
    tell(name, { ms: Date.now() - begun, ...found });
  };

  try {
    await step('first paint', async () => {
      await tab.goto(address);
      await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
      const paint = await tab.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
      return { paint, faults: await faultsOf(tab) };
    });
    await step('a wrong key', async () => {
      await field('key').fill('os_bootstrap_0000');
      await press('sign-in');
      return { said: await tab.getByRole('alert').first().innerText() };
    });
    await step('sign in', async () => {
      await field('key').fill(key);
      await press('sign-in');
      await tab.getByTestId('try-sample').waitFor();
      return { faults: await faultsOf(tab) };
    });
    await step('create a topic', async () => {
      await open('topics?new=true', 'Topics', true);
      await field('topic-name').fill('goals');
      await press('create');
      await tab.getByRole('heading', { level: 1, name: 'goals' }).waitFor();
      await tab.getByTestId('records').waitFor();
      return { faults: await faultsOf(tab) };
    });
    await step('produce a record', async () => {
      await open('topics/goals/produce', 'Produce to goals');
      await field('key').fill('peru-chile');
      await press('send');
      const said = await tab.getByTestId('produced').innerText();
      return { said, faults: await faultsOf(tab) };
    });
    await step('find it', async () => {
      await open('topics/goals/records', 'Records of goals');
      await field('filter-json').fill('$.minute >= 80');
      await press('find');
      await tab.waitForURL(/json=/);
      await tab.getByRole('button', { name: '0', exact: true }).click();
      const payload = await tab.getByTestId('payload').innerText();
      return { payload, faults: await faultsOf(tab) };
    });
    await step('play the sample', async () => {
      await open('sample', 'World Cup sample');
      // Slow enough that it is still being played when a node is killed.
      await tab.getByTestId('speed').selectOption(isTroubled ? '20' : '400');
      await press('play');
      await tab.getByTestId('member-anna').getByText(/partitions \d/).waitFor();
      await press('break-ben');
      await meet('kill a silo');
      await tab.getByTestId('played').getByText('632 of 632').waitFor();
      await tab.getByTestId('member-ben').getByText(/failed/).waitFor();
      return { faults: await faultsOf(tab) };
    });
    await step('dead letters', async () => {
      await tab.getByRole('link', { name: 'Dead letters' }).last().click();
      await tab.getByRole('button', { name: 'ben is broken' }).waitFor();
      const faults = await faultsOf(tab);
      await press('redrive');
      await tab.getByTestId('redrive-state').getByText('done').waitFor();
      return { said: await tab.getByTestId('redrive-state').innerText(), faults };
    });
    await step('reset the group', async () => {
      await meet('kill an Api node');
      await open('groups/scoreboard', 'scoreboard', isTroubled);
      await tab.getByTestId('members').getByText('0', { exact: true }).waitFor();
      await tab.getByTestId('reset-to').selectOption('timestamp');
      await press('dry-run');
      await tab.getByTestId('move').waitFor();
      const faults = await faultsOf(tab);
      await press('move');
      await tab.getByText(/Moved \d+ partitions/).waitFor();
      await tab.getByTestId('lag').getByText(/[1-9]/).waitFor();
      return { lag: await tab.getByTestId('lag').innerText(), faults };
    });
    await step('watch the lag fall', async () => {
      // A second tab, as a link opens it: it has what the first one has signed in with.
      const href = new URL('groups/scoreboard', address).href;
      const [other] = await Promise.all([context.waitForEvent('page'), tab.evaluate(way => void globalThis.open(way), href)]);
      other.setDefaultTimeout(WAIT_MS);
      const lag = other.getByTestId('lag');
      await lag.getByText(/[1-9]/).waitFor();
      const before = await lag.innerText();
      await open('sample', 'World Cup sample');
      await tab.getByTestId('speed').selectOption('400');
      await press('play');
      await tab.getByTestId('played').getByText('632 of 632').waitFor();
      await lag.getByText('0', { exact: true }).waitFor();
      await other.close();
      return { before };
    });
    await step('make and revoke a key', async () => {
      await open('access', 'Access');
      await field('key-id').fill('crawler-1');
      await press('make-key');
      const made = await tab.getByTestId('made-key').innerText();
      await press('revoke-crawler-1');
      await field('confirm-name').fill('crawler-1');
      await press('confirm');
      await tab.getByText('No key is stored.').waitFor();
      return { made: made.includes('os_crawler-1_'), faults: await faultsOf(tab) };
    });
    await step('name a topic and a group as long as may be', async () => {
      const call = async (method, path, body) => {
        const answer = await fetch(new URL(`../v1/${path}`, address), {
          method, body: JSON.stringify(body), headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      };
      await call('PUT', `topics/${LONGEST}`, { partitions: 7 });
      await call('POST', `topics/${LONGEST}/records`, { records: Array.from({ length: 30 }, (_, i) => ({ key: LONGEST, value: { i }, partition: i % 7 })) });
      await call('PUT', `groups/${LONGEST}/offsets`, { offsets: Array.from({ length: 7 }, (_, partition) => ({ topic: LONGEST, partition, offset: 0 })) });
      return {};
    });
    for (const [width, height, colorScheme] of LOOKS) {
      // Colours change gradually: each page is opened after the change, not under it.
      await tab.setViewportSize({ width, height });
      await tab.emulateMedia({ colorScheme });
      for (const [path, title] of PAGES) {
        await step(`the page ${path}, ${width} px, ${colorScheme}`, async () => {
          await open(path, title);
          await tab.getByText('Loading…').waitFor({ state: 'detached' });
          return { faults: await faultsOf(tab) };
        });
      }
    }
    await step('delete the topic', async () => {
      await open('topics/goals', 'goals');
      await field('confirm-name').fill('goals');
      await press('confirm');
      await tab.getByRole('heading', { level: 1, name: 'Topics' }).waitFor();
      return {};
    });
    tell('complaints of the browser', { complaints });
  } finally {
    process.stdin.destroy();
    await context.close();
  }
})().catch(error => {
  console.error(error, complaints);
  process.exitCode = 1;
});
