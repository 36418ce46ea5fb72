// SPDX-License-Identifier: Apache-2.0
/* Why a file was refused, as a sentence that a hospital can hand to its vendor. Codes
 * that are not here say it themselves (struct err, text). */
#include <string.h>

#include "formats/intake/intake.h"

static const struct {
    const char *code;
    struct text sentence;
} sentences[] = {
#define FAULT(code, sentence)                                                            \
    {                                                                                    \
        code,                                                                            \
        {                                                                                \
            sentence, sizeof(sentence) - 1                                               \
        }                                                                                \
    }
    FAULT("hl7_no_msh",
          "MSHセグメントがありません。HL7の電文ではないか、先頭が欠けています"),
    FAULT("hl7_bad_separators",
          "MSHの区切り文字（MSH-1、MSH-2）が読めません。同じ文字や英数字は使えません"),
    FAULT("hl7_utf16", "UTF-16で書かれた電文は読みません。ISO-2022-JP（ISO IR87）か"
                       "UTF-8で出力してください"),
    FAULT("hl7_before_msh",
          "MSHセグメントの前に、電文ではない行があります。MSHから始めてください"),
    FAULT("hl7_segment_cut",
          "電文が途中で切れています。最後のセグメントの終わり（CR）がありません"),
    FAULT("hl7_too_large", "電文が大きすぎます（16 MiBまで）"),
    FAULT("hl7_too_many_segments", "セグメントが多すぎます（65,536まで）"),
    FAULT("hl7_too_many_fields", "1つのセグメントのフィールドが多すぎます（4,096まで）"),
    FAULT("ssmix_second_message",
          "1つのファイルに2つの電文があります。ファイルごとに1電文としてください"),
    FAULT("ssmix_name_short",
          "ファイル名の要素が足りません（患者ID_診療日_データ種別_特定キー_発生日時_"
          "診療科_フラグ）"),
    FAULT("ssmix_flag_invalid",
          "ファイル名の最後のコンディションフラグが0、1、2のどれでもありません"),
    FAULT("ssmix_department_invalid", "ファイル名の診療科コードが5文字までの英数字では"
                                      "ありません"),
    FAULT("ssmix_occurred_invalid",
          "ファイル名の発生日時が14桁から17桁の数字ではありません"),
    FAULT("ssmix_key_missing", "ファイル名に特定キー（オーダ番号）がありません"),
    FAULT("ssmix_day_invalid", "診療日が8桁の日付でも「-」でもありません"),
    FAULT("ssmix_patient_invalid",
          "患者IDが6文字から30文字の英数字ではないか、使えない文字を含みます"),
    FAULT("ssmix_type_missing", "ファイル名にデータ種別がありません"),
    FAULT("ssmix_path_shape", "フォルダの階層が標準化ストレージの構成と違います"),
    FAULT("ssmix_folder_mismatch",
          "上位の2つのフォルダが患者IDの先頭3文字・次の3文字と違います"),
    FAULT("dicom_not_dicom", "DICOMのデータがありません。別の形式か、先頭が欠けています"),
    FAULT("dicom_deflate_broken", "圧縮されたデータセットを伸張できません"),
    FAULT("dicom_inflated_too_large",
          "伸張したデータセットが大きすぎます（256 MiBまで）"),
    FAULT("dicom_too_many_elements", "データ要素と項目が多すぎます（100万まで）"),
    FAULT("dicom_too_deep", "シーケンスの入れ子が深すぎます（64段まで）"),
    FAULT("path_unsafe", "リンク、特殊ファイル、または使えない文字を含む名前です"),
    FAULT("path_missing", "ファイルがありません"),
    FAULT("path_failed", "ファイルまたはフォルダを開けません"),
    FAULT("path_too_long", "パスが長すぎます"),
    FAULT("file_too_large", "ファイルが大きすぎます"),
    FAULT("memory_short", "メモリが足りません"),
    FAULT("arena_full", "読み取りに必要なメモリの上限を超えました"),
    FAULT("xml_dtd", "文書型宣言（DOCTYPE）のあるXMLは読みません。実体の展開や外部の"
                     "参照は使えません"),
    FAULT("xml_malformed", "XMLとして正しくありません。途中で切れているか、タグや文字が"
                           "壊れています"),
    FAULT("xml_encoding", "宣言された文字コードは読めません"),
    FAULT("xml_too_deep", "XMLの入れ子が深すぎます（64まで）"),
    FAULT("xml_too_large", "XMLの要素が多すぎるか、大きすぎます（16 MiBまで）"),
    FAULT("xml_too_many_attributes", "XMLの1つの要素の属性が多すぎます（64まで）"),
    FAULT("cda_root", "XMLですが、CDA文書（ClinicalDocument）ではありません"),
    FAULT("cda_body_missing", "CDA文書に本文（component）がありません"),
    FAULT("document_empty", "文書のファイルが空です"),
    FAULT("extended_type_empty", "文書種別フォルダの名前に種別がありません"),
    FAULT("mfer_length_invalid", "MFERの項目の長さが正しくないため、読めません"),
    FAULT("mfer_frame_missing", "MFERですが、読める波形（WAV）がありません"),
    FAULT("format_unknown", "知られている形式のファイルではありません"),
#undef FAULT
};

struct text intake_fault_text(const struct err *err)
{
    struct err ignored = {0};
    struct text own = {0};
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (strcmp(err->code, sentences[i].code) == 0)
            return sentences[i].sentence;
    if (err->text[0] && text_from_utf8(span_cstr(err->text), &own, &ignored))
        return own;
    return text_cstr(err->code);
}
