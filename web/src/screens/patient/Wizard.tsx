export function Wizard(_: {id?: string|undefined; tab?: string|undefined}) { return <p>…</p>; }
