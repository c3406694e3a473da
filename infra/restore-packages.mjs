// Installs what the package-lock.json of a folder names, once, whoever asks: two builds may run at the same time, and two `npm ci`
// in one folder delete each other's work.
//
//   node infra/restore-packages.mjs infra/azurite
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2]);
const lockFile = join(folder, '.restore-packages.lock');
const stamp = join(folder, 'node_modules', '.restored');
const WAIT_MS_MAX = 10 * 60 * 1000;
const POLL_MS = 250;

const modified = name => statSync(join(folder, name)).mtimeMs;
const isFresh = () =>
  existsSync(stamp) && statSync(stamp).mtimeMs >= Math.max(modified('package-lock.json'), modified('package.json'));

const isAlive = pid => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const tryLock = () => {
  try {
    const file = openSync(lockFile, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
};

// A killed restore leaves its lock; one that names no living process holds nothing.
const breakStaleLock = () => {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'));
    const age = Date.now() - statSync(lockFile).mtimeMs;
    if (owner ? !isAlive(owner) : age > 10 * POLL_MS) rmSync(lockFile, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
};

const started = Date.now();
let owns = false;
while (!isFresh() && !(owns = tryLock())) {
  if (Date.now() - started > WAIT_MS_MAX) {
    console.error(`error: another restore has held ${lockFile} for too long; delete it if none is running.`);
    process.exit(1);
  }

  breakStaleLock();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
}

if (owns) {
  try {
    const npm = spawnSync('npm', ['ci', '--loglevel=error'], {
      cwd: folder,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
    if (npm.status === 0) {
      writeFileSync(stamp, '');
    } else {
      console.error(`error: npm ci failed in ${folder}; its packages are needed.`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(lockFile, { force: true });
  }
}
