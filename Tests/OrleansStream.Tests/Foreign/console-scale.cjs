// Measures the web console on a service with much in it. Arguments: the browser, a new folder for its profile, the console's address, the names of a
// large topic, of a group, of a wide group and of a topic that is followed live, and the records a second that come meanwhile.
// Prints a JSON text a line: what was measured, in milliseconds.
const { chromium } = require('playwright-core');

const [executablePath, profile, address, large, group, wide, followed, rate] = process.argv.slice(2);
const WAIT_MS = 30_000;
const FOLLOWED_MS = 20_000;
const BATCHES_PER_SECOND = 10;
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const tell = (name, found) => console.log(JSON.stringify({ name, ...found }));

// Runs in the page. Follows a link of the console, and waits for what a person came for.
const visit = ([href, title, selector]) => new Promise(done => {
  globalThis.longest = 0;
  const begun = performance.now();
  globalThis.Blazor.navigateTo(href);
  const look = () => {
    if (document.title.startsWith(title) && document.querySelector(selector) && !document.body.innerText.includes('Loading…')) done(performance.now() - begun);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});

// Runs in the page. Notes the longest time in which the page's thread did nothing for its user.
const watch = () => {
  globalThis.longest = 0;
  new PerformanceObserver(list => list.getEntries().forEach(entry => (globalThis.longest = Math.max(globalThis.longest, entry.duration)))).observe({ type: 'longtask' });
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, viewport: { width: 1280, height: 900 } });
  const tab = context.pages()[0] ?? (await context.newPage());
  tab.setDefaultTimeout(WAIT_MS);
  const load = async name => {
    const begun = Date.now();
    await tab.goto(address);
    await tab.locator('.figure').first().waitFor();
    const usable = Date.now() - begun;
    const [paint, bytes] = await tab.evaluate(() => [
      performance.getEntriesByName('first-contentful-paint')[0].startTime,
      performance.getEntriesByType('resource').reduce((sum, entry) => sum + entry.transferSize, 0),
    ]);
    tell(name, { paint, usable, bytes });
  };
  try {
    await load('first load');
    await load('load from the cache');
    await tab.evaluate(watch);
    const rows = 'tbody tr';
    for (const [path, title, selector] of [
      ['topics', 'Topics', rows], ['topics?prefix=t-05', 'Topics', rows], [`topics/${large}`, large, '[data-testid=records]'],
      [`topics/${large}/settings`, `Settings of ${large}`, rows], [`topics/${large}/keys`, `Hot keys of ${large}`, '.lead + p'], [`topics/${large}/records`, `Records of ${large}`, rows],
      // A search asks every partition, and tells meanwhile how far it is.
      [`topics/${large}/records?value=4999`, `Records of ${large}`, '[data-testid=progress] fluent-progress-bar, tbody tr'], [`topics/${large}/produce`, `Produce to ${large}`, 'textarea'],
      ['groups', 'Groups', rows], [`groups/${group}`, group, '[data-testid=lag]'], [`groups/${wide}`, wide, '[data-testid=lag]'], ['dead-letters', 'Dead letters', '.lead + p, table'],
      ['cluster', 'Cluster', rows], ['access', 'Access', 'table'], ['sample', 'World Cup sample', 'form'], ['.', 'Overview', '.figure'],
    ]) {
      const ms = await tab.evaluate(visit, [new URL(path, address).href, title, selector]);
      // What comes in behind it: the figures of each row.
      await tab.waitForLoadState('networkidle').catch(() => {});
      tell(`the page ${path}`, { ms, longest: await tab.evaluate(() => globalThis.longest) });
    }

    const share = Number(rate) / BATCHES_PER_SECOND;
    const body = JSON.stringify({ records: Array.from({ length: share }, (_, i) => ({ key: `k${i}`, value: { i, text: 'a record that is followed live' } })) });
    let stored = 0;
    let failed = 0;
    const sends = [];
    const producer = setInterval(() => sends.push(
      fetch(new URL(`../v1/topics/${followed}/records`, address), { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
        .then(async answer => (await answer.text(), answer.ok ? (stored += share) : failed++)).catch(() => failed++)), 1_000 / BATCHES_PER_SECOND);
    await tab.evaluate(visit, [new URL(`topics/${followed}/records?live=true`, address).href, `Records of ${followed}`, rows]);
    await tab.evaluate(() => (globalThis.longest = 0));
    const begun = Date.now();
    const before = stored;
    const opened = [];
    while (Date.now() - begun < FOLLOWED_MS) {
      // A person opens a record now and then: how long until its value is there?
      opened.push(await tab.evaluate(() => new Promise(done => {
        const from = performance.now();
        document.querySelector('tbody tr button.plain').click();
        const look = () => (document.querySelector('[data-testid=payload]') ? done(performance.now() - from) : requestAnimationFrame(look));
        look();
      })));
      await tab.evaluate(() => document.querySelector('tbody tr.open button.plain')?.click());
      await tab.waitForTimeout(400);
    }
    const seconds = (Date.now() - begun) / 1_000;
    clearInterval(producer);
    const said = await tab.getByTestId('progress').innerText();
    await Promise.all(sends);
    tell('followed live', {
      perSecond: Math.round((stored - before) / seconds), failed, said, longest: await tab.evaluate(() => globalThis.longest), opened: Math.max(...opened), openings: opened.length,
    });
  } finally {
    await context.close();
  }
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
