export function References(_: {id?: string|undefined; tab?: string|undefined}) { return <p>…</p>; }
