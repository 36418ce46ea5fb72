export function Links(_: { id?: string; person?: unknown; reload: () => void }) { return <p>…</p>; }
