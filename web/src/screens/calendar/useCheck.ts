// SPDX-License-Identifier: Apache-2.0
/* 最新データ取得: the facilities are asked now, the calendar is read again, and a status says so. */
import { useState } from 'preact/hooks';
import { t } from '../../i18n/t.ts';
import type { OpenCalendar } from './opening.ts';

export function useCheck(calendar: OpenCalendar | undefined, changed: () => void) {
  const [isChecking, setIsChecking] = useState(false);
  const [said, setSaid] = useState('');
  async function check(): Promise<void> {
    if (!calendar || isChecking) return;
    setIsChecking(true);
    setSaid(t('cal.checking'));
    try {
      await calendar.check();
      await calendar.refresh(null);
      setSaid(t('cal.checked'));
    } catch {
      setSaid('');
    }
    setIsChecking(false);
    changed();
  }
  return { isChecking, said, check };
}
