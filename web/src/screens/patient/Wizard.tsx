export function Wizard() { return <p>…</p>; }
