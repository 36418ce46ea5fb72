export function References(_: { person?: unknown }) { return <p>…</p>; }
