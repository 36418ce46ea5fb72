// SPDX-License-Identifier: Apache-2.0
import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';
import { pageAhead } from './build/ahead.ts';
import { pdfjsFiles } from './build/pdfjs.ts';

export default defineConfig({
  plugins: [preact({ prefreshEnabled: false, devToolsEnabled: false }), pageAhead(), pdfjsFiles()],
  build: {
    target: 'es2022',
    // data: URLs and inline scripts are refused by the content security policy
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    sourcemap: false,
    rolldownOptions: {
      output: {
        // modules that always come together are one file: each file has a gzip dictionary of its own
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'Calendar', test: /src\/(calendar\/(?!steer|tooltip|find|arrange|offGrid)|screens\/(calendar\/(Calendar|Dialogs|Empty|FacilityBar|InView|Tools|address|ahead|later|missing|opening|shown|use(Address|Calendar|Check|Filter|Grid|Shown))|patient\/(Patient|undated))\.)/ },
            { name: 'Images', test: /src\/(viewer\/(?!cut|lines)|screens\/images\/(Images|Head|PaneView|Panes|Strip|Toolbar|calls|cine|hands|mark|panes|studies|viewing)\.)/ },
            { name: 'people', test: /src\/(i18n\/wareki|api\/resource|screens\/patient\/searchState)\./ },
            { name: 'base', test: /node_modules\/(preact|@preact|wouter-preact|regexparam|openapi-fetch)\/|src\/(api\/(client|live|problem)|i18n\/t|i18n\/ja\/first|session|preferences|ui\/(Field|Form|blobUrl|draw|errors|Icon|pieces|lazy|recovery))\.|preload-helper/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8090' } },
});
