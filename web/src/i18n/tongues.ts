// SPDX-License-Identifier: Apache-2.0
/* Data stay Japanese on an English screen; what holds them says so, for voices that read it out and
 * for the forms of its characters (WCAG 3.1.2). Comes with English only. */
const JAPANESE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
const LATIN = /[a-z]/gi;

const MARK = 'data-lang-of-text';

function say(element: Element, tongue: 'ja' | 'en' | undefined): void {
  if (tongue === undefined) {
    element.removeAttribute('lang');
    element.removeAttribute(MARK);
  } else {
    element.setAttribute('lang', tongue);
    element.setAttribute(MARK, '');
  }
}

/** By the text of the element itself; a sentence of ours with a name in it stays ours. */
function mark(element: Element | null): void {
  if (!element) return;
  const isOurs = element.hasAttribute(MARK);
  if (element.hasAttribute('lang') && !isOurs) return; // whoever made it knows
  let own = '';
  for (const child of element.childNodes) if (child instanceof Text) own += child.data;
  const japanese = own.match(JAPANESE)?.length ?? 0;
  const latin = own.match(LATIN)?.length ?? 0;
  const isWithin = element.parentElement?.closest('[lang]')?.getAttribute('lang') === 'ja';
  const tongue = japanese > latin ? 'ja' : latin > 0 && isWithin ? 'en' : undefined;
  if (tongue === (isOurs ? element.getAttribute('lang') : null) || (!tongue && !isOurs)) return;
  say(element, tongue);
  for (const child of element.children) mark(child); // words of ours beside a title
}

function markAll(node: Node): void {
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  for (let at: Node | null = texts.currentNode; at; at = texts.nextNode()) mark(at.parentElement);
}

const observer = new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes) {
    mark(target instanceof Element ? target : target.parentElement);
    addedNodes.forEach(markAll);
  }
});

export function followTongues(): void {
  markAll(document.body);
  observer.observe(document.body, { childList: true, characterData: true, subtree: true });
}

export function leaveTongues(): void {
  observer.disconnect();
  for (const element of document.querySelectorAll(`[${MARK}]`)) say(element, undefined);
}
