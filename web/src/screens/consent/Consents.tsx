export function Consents(_: { person: unknown; reload: () => void }) { return <p>…</p>; }
