// A React hook: searches by a picture, and says how far it is.
//
//   const { search, results, busy, progress, error, cancel } = useEyrieSearch(eyrie, { k: 12 });
//   <input type="file" accept="image/*" onChange={(event) => search(event.target.files[0])} />

import { useCallback, useEffect, useRef, useState } from "react";

const IDLE = { results: null, busy: false, progress: 0, error: null };

export function useEyrieSearch(eyrie, options = {}) {
  const [state, setState] = useState(IDLE);
  const running = useRef(null);
  const latest = useRef(options);
  latest.current = options;

  const cancel = useCallback(() => {
    running.current?.abort();
    running.current = null;
    setState((before) => ({ ...before, busy: false }));
  }, []);

  const search = useCallback(async (query) => {
    running.current?.abort();
    const own = new AbortController();
    running.current = own;
    setState({ ...IDLE, busy: true });
    // What a search that was overtaken still says is not heard.
    const set = (change) => {
      if (running.current === own) setState((before) => ({ ...before, ...change }));
    };
    try {
      const onProgress = (progress) => set({ progress });
      const { results } = await eyrie.search(query, { ...latest.current, signal: own.signal, onProgress });
      set({ results, busy: false, progress: 1 });
    } catch (error) {
      if (!own.signal.aborted) set({ error, busy: false });
    }
  }, [eyrie]);

  useEffect(() => () => running.current?.abort(), []);
  return { ...state, search, cancel };
}
