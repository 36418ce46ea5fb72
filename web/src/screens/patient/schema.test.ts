// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it } from 'vitest';
import { loadWords } from '../../i18n/t.ts';
import { check, number, personal } from './schema.ts';

const good = { name: '髙﨑 さくら', kana: 'タカサキ サクラ', sex: 'F', phone: '0265-00-1234' };
const errors = (change: object) => Object.keys(check(personal, { ...good, ...change }, '').errors);

beforeAll(() => loadWords('register'));

describe('personal details', () => {
  it('keep the name as it was typed, variants included', () => {
    expect(check(personal, good, '').output).toEqual(good);
  });
  it('take full-width spaces, half-width kana and full-width digits', () => {
    const { output } = check(personal, { ...good, name: '髙﨑　さくら', kana: 'ﾀｶｻｷ ｻｸﾗ', phone: '０２６５−００−１２３４'.replaceAll('−', '-') }, '');
    expect(output).toEqual({ ...good, phone: '0265-00-1234' });
  });
  it.each([
    [{ name: '' }, 'name'], [{ name: '髙﨑さくら' }, 'name'], [{ kana: '' }, 'kana'], [{ kana: 'たかさき さくら' }, 'kana'],
    [{ kana: 'タカサキサクラ' }, 'kana'], [{ kana: 'Takasaki Sakura' }, 'kana'], [{ sex: '' }, 'sex'], [{ phone: '電話なし' }, 'phone'],
  ])('refuse %j', (change, field) => {
    expect(errors(change)).toEqual([field]);
  });
  it('name every wrong field once', () => {
    expect(errors({ name: '', kana: '', sex: '' })).toEqual(['name', 'kana', 'sex']);
  });
});

describe('numbers', () => {
  it.each([['00012345', '00012345'], ['０００１２', '00012'], [' 12-3 ', '12-3']])('take %s', (text, out) => {
    expect(check(number, text, '').output).toBe(out);
  });
  it.each(['', '   ', '1234567890123456', '12 34', '十二', "1'; --"])('refuse %s', (text) => {
    expect(check(number, text, '').output).toBeUndefined();
  });
});
