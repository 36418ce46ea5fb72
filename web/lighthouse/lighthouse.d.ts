// SPDX-License-Identifier: Apache-2.0
/* What is used of Lighthouse, which is installed only where it is run. */
declare module 'lighthouse' {
  export interface Report {
    lighthouseVersion: string;
    runtimeError?: { message: string };
    categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
    audits: Record<string, {
      title: string; score: number | null; numericValue?: number; details?: { items?: unknown[] };
    }>;
  }
  export default function lighthouse(url: string, options: {
    port: number; output: 'json'; logLevel: 'error'; onlyCategories: string[];
  }): Promise<{ lhr: Report } | undefined>;
}
