// What a page cannot do from WebAssembly alone. It runs before the first paint, so that a chosen theme does not flash.
(() => {
  const THEME = 'orleansstream.theme';
  const chosen = () => {
    try {
      return localStorage.getItem(THEME);
    } catch {
      return null;
    }
  };
  const show = mode => {
    if (mode === 'dark' || mode === 'light') document.documentElement.dataset.theme = mode;
    else delete document.documentElement.dataset.theme;
  };

  show(chosen());
  // The components' style is not needed for the first paint.
  addEventListener('DOMContentLoaded', () => document.querySelectorAll('link[media="print"]').forEach(link => (link.media = 'all')));

  globalThis.streamConsole = {
    theme: () => chosen() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'),
    setTheme: mode => {
      try {
        localStorage.setItem(THEME, mode);
      } catch {
        // Without storage the choice lasts as long as the page.
      }
      show(mode);
    },
    // For as long as the tab: plots go on after the page was loaded again. A full or forbidden storage costs only that.
    keep: (name, text) => {
      try {
        if (text === null) sessionStorage.removeItem(name);
        else sessionStorage.setItem(name, text);
      } catch {
        // It begins anew then.
      }
    },
    keptNames: prefix => {
      try {
        return Object.keys(sessionStorage).filter(name => name.startsWith(prefix));
      } catch {
        return [];
      }
    },
    kept: name => {
      try {
        return sessionStorage.getItem(name);
      } catch {
        return null;
      }
    },
    copy: text => navigator.clipboard.writeText(text).then(() => true, () => false),
    download: (name, type, base64) => {
      const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
      const address = URL.createObjectURL(new Blob([bytes], { type }));
      const link = Object.assign(document.createElement('a'), { href: address, download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    },
    randomText: bytes => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, ''),
    sha256: async text => {
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
      return btoa(String.fromCharCode(...hash)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
    },
  };
})();
