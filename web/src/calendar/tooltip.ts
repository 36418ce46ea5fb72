// SPDX-License-Identifier: Apache-2.0
/* What a mark holds, from the index that is on the screen already: no request, no view. Stays
 * while the pointer is on it, goes with Esc (WCAG 1.4.13). */

export interface TooltipContent {
  head: string;
  lines: { slot: number; letter: string; text: string; note: string }[];
}

const GAP = 6;
const LEAVE_MS = 200;

export class Tooltip {
  private readonly host: HTMLElement;
  private readonly box = document.createElement('div');
  private anchor: HTMLElement | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  constructor(host: HTMLElement) {
    this.host = host;
    this.box.className = 'tip';
    this.box.hidden = true;
    this.box.setAttribute('role', 'tooltip');
    this.box.addEventListener('pointerenter', () => {
      this.isOver = true;
      clearTimeout(this.timer);
    });
    this.box.addEventListener('pointerleave', () => {
      this.isOver = false;
      this.leave();
    });
    host.append(this.box);
    document.addEventListener('keydown', this.onKey, true);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.hide()) event.stopPropagation();
  };

  show(anchor: HTMLElement, content: () => TooltipContent, afterMs: number): void {
    if (anchor === this.anchor && !this.box.hidden) return;
    clearTimeout(this.timer);
    this.anchor = anchor;
    this.timer = setTimeout(() => this.draw(content()), this.box.hidden ? afterMs : 60);
  }

  private draw({ head, lines }: TooltipContent): void {
    if (!this.anchor?.isConnected) return;
    const title = document.createElement('b');
    title.textContent = head;
    this.box.replaceChildren(title, ...lines.map((line) => {
      const row = document.createElement('div');
      row.className = 'tip-line';
      const mark = document.createElement('span');
      mark.className = `fm s${line.slot}`;
      mark.textContent = line.letter;
      const text = document.createElement('span');
      text.textContent = line.text;
      const note = document.createElement('small');
      note.textContent = line.note;
      row.append(mark, text, note);
      return row;
    }));
    this.box.hidden = false;
    this.place();
  }

  private place(): void {
    const host = this.host.getBoundingClientRect();
    const anchor = this.anchor?.getBoundingClientRect();
    if (!anchor) return;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const middle = anchor.left + Math.min(anchor.width, 120) / 2;
    const left = Math.min(Math.max(middle - host.left - width / 2, GAP), host.width - width - GAP);
    const isBelow = anchor.bottom - host.top + height + GAP < host.height;
    const top = isBelow ? anchor.bottom - host.top + GAP : anchor.top - host.top - height - GAP;
    this.box.style.left = `${Math.max(GAP, left)}px`;
    this.box.style.top = `${top}px`;
  }

  leave(): void {
    clearTimeout(this.timer);
    if (this.isOver) return;
    this.timer = setTimeout(() => this.hide(), LEAVE_MS);
  }

  /** True when there was one to hide. */
  hide(): boolean {
    clearTimeout(this.timer);
    const wasShown = !this.box.hidden;
    this.box.hidden = true;
    this.anchor = undefined;
    return wasShown;
  }

  destroy(): void {
    this.hide();
    document.removeEventListener('keydown', this.onKey, true);
    this.box.remove();
  }
}
