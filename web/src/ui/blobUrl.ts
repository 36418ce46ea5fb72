// SPDX-License-Identifier: Apache-2.0
/* An address of bytes that the page holds, for as long as they are shown; empty until there are some. */
import { useEffect, useState } from 'preact/hooks';

export function useBlobUrl(blob: Blob | undefined): string {
  const [url, setUrl] = useState('');
  useEffect(() => {
    if (!blob) return undefined;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
