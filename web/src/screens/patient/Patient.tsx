export function Patient(_: { id: string; tab: string }) { return <p>…</p>; }
