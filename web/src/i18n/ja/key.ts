// SPDX-License-Identifier: Apache-2.0
/* キー画像。 */
export const words = {
  'key.title': 'キー画像 {n}',
  'key.go': 'キー画像を開く：{name}',
  'key.drop': '外す：{name}',
  'key.sheet': 'キー画像の用紙',
  'key.note': '紹介状や記録に添えるための用紙です。「記録に残す」と残り、それ以外のキー画像とコメントはビューアを閉じると消えます。印刷と保存は閲覧履歴に残ります。',
  'key.keep': '記録に残す',
  'key.kept': '記録に残しました。',
  'key.kept.see': '記録を見る',
  'key.save': '画像ファイルとして保存',
  'key.none': 'キー画像がありません。ビューアに戻り、画像を選んで「キー画像」を押してください。',
  'key.numbers': 'シリーズ {series}　画像番号 {image}',
  'key.frame': 'フレーム {n}',
  'key.comment': '画像{n}のコメント',
  'key.leave.title': 'キー画像が消えます',
  'key.leave.text': '選んだキー画像{n}枚とコメントは、ビューアを閉じると消えます。',
  'key.leave.do': '閉じてカレンダーへ',
} as const;
