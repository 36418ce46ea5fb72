// SPDX-License-Identifier: Apache-2.0
/* The header, the sections, and what both need. */
#include <string.h>

#include "formats/cda/cda_parts.h"

static const char CLAUSE[] = "HL7 CDA R2 4.2";

bool cda_detect(struct span bytes)
{
    enum { LOOKED_AT_BYTES = 8192 };
    static const char word[] = "ClinicalDocument";
    struct span head = span_part(bytes, 0, LOOKED_AT_BYTES);
    return xml_detect(bytes) && memmem(head.at, head.len, word, sizeof word - 1);
}

bool cda_is_good(const struct cda_reader *reader)
{
    return reader->err->kind == ERR_NONE;
}

void cda_warn(struct cda_reader *reader, const char *code, size_t offset,
              struct text text)
{
    for (const struct entry_warning *one = reader->list->warnings; one; one = one->next)
        if (strcmp(one->code, code) == 0)
            return;
    if (cda_is_good(reader))
        (void)!entry_warn(reader->list, code, offset, text, reader->arena, reader->err);
}

bool cda_has_room(struct cda_reader *reader)
{
    if (!cda_is_good(reader) || reader->is_cut)
        return false;
    if (reader->blocks < CDA_BLOCKS_MAX && reader->text_bytes < CDA_TEXT_BYTES)
        return true;
    /* Half of a document must not look whole. */
    reader->is_cut = true;
    cda_warn(reader, "document_shortened", 0,
             TEXT("文書が長いため、画面には途中までを示します"));
    struct entry_item *item =
        cda_is_good(reader)
            ? entry_add_item(reader->entry, "cut", 1, reader->arena, reader->err)
            : NULL;
    if (item)
        entry_add_field(item, "text", TEXT("ここから先は原本をご覧ください"));
    return false;
}

struct entry_item *cda_item(struct cda_reader *reader, const char *type,
                            size_t field_capacity)
{
    if (!cda_has_room(reader))
        return NULL;
    reader->blocks++;
    return entry_add_item(reader->entry, type, field_capacity, reader->arena,
                          reader->err);
}

struct text cda_take_line(struct cda_reader *reader)
{
    struct span copy = {0};
    struct text text = TEXT("");
    struct buf *line = &reader->line;
    while (line->len > 0 &&
           (line->at[line->len - 1] == ' ' || line->at[line->len - 1] == '\n'))
        line->len--;
    if (line->len > 0 && cda_is_good(reader) &&
        buf_to_arena(line, reader->arena, &copy, reader->err) &&
        !text_from_utf8(copy, &text, reader->err))
        text = TEXT("");
    reader->text_bytes += text.len;
    buf_reset(line);
    return text;
}

/* ------------------------------------------------------------------ the header */

static struct text text_of(struct cda_reader *reader, const struct xml_node *node)
{
    struct text text = TEXT("");
    if (node && cda_is_good(reader) && !xml_text(node, reader->arena, &text, reader->err))
        return TEXT("");
    return text;
}

/* "20261124103000+0900" as "2026-11-24T10:30"; an empty text when it is no time. */
static struct text time_of(struct cda_reader *reader, struct text value)
{
    enum { DAY = 8, MINUTE = 12 };
    struct span digits = text_span(value);
    size_t count = 0;
    while (count < digits.len && digits.at[count] >= '0' && digits.at[count] <= '9')
        count++;
    char iso[DAY_TEXT_BYTES] = "";
    int32_t day = count >= DAY ? day_from_digits(span_part(digits, 0, DAY)) : DAY_NONE;
    if (day == DAY_NONE || !cda_is_good(reader))
        return TEXT("");
    day_to_iso(day, iso);
    CLEANUP(buf_free) struct buf out = buf_init(32);
    struct span copy = {0};
    buf_cstr(&out, iso);
    if (count >= MINUTE && digits.at[8] <= '2' && digits.at[10] <= '5')
        buf_format(&out, "T%.2s:%.2s", value.at + 8, value.at + 10);
    if (!buf_to_arena(&out, reader->arena, &copy, reader->err))
        return TEXT("");
    return (struct text){(const char *)copy.at, copy.len};
}

static struct text joined(struct cda_reader *reader, struct text a, struct text b)
{
    CLEANUP(buf_free) struct buf out = buf_init(4096);
    struct span copy = {0};
    if (a.len == 0 || b.len == 0)
        return a.len ? a : b;
    buf_text(&out, a);
    buf_byte(&out, ' ');
    buf_text(&out, b);
    if (!cda_is_good(reader) || !buf_to_arena(&out, reader->arena, &copy, reader->err))
        return TEXT("");
    return (struct text){(const char *)copy.at, copy.len};
}

/* family and given, or whatever stands in the name. */
static struct text name_of(struct cda_reader *reader, const struct xml_node *name)
{
    struct text family = text_of(reader, xml_child(name, "family"));
    struct text given = text_of(reader, xml_child(name, "given"));
    if (family.len == 0 && given.len == 0)
        return text_of(reader, name);
    return joined(reader, family, given);
}

static bool is_kana(struct text name)
{
    uint32_t code_point = 0;
    struct text rest = name;
    if (name.len == 0)
        return false;
    while (text_next(&rest, &code_point)) {
        bool is_kana_sign = (code_point >= 0x3041 && code_point <= 0x30FF) ||
                            (code_point >= 0xFF66 && code_point <= 0xFF9F);
        if (!is_kana_sign && code_point != ' ' && code_point != 0x3000)
            return false;
    }
    return true;
}

/* use: IDE ideographic, SYL syllabic, ABC alphabetic (HL7 EntityNameUse); where it is
 * missing the characters tell. */
static void take_names(struct cda_reader *reader, const struct xml_node *patient,
                       struct entry_patient *out)
{
    for (const struct xml_node *name = xml_child(patient, "name"); name;
         name = xml_next(name, "name")) {
        struct text use = xml_attribute(name, "use");
        struct text whole = name_of(reader, name);
        bool is_syllabic = use.len > 0 && memmem(use.at, use.len, "SYL", 3);
        bool is_latin = use.len > 0 && memmem(use.at, use.len, "ABC", 3);
        if (is_syllabic || (!is_latin && is_kana(whole) && out->kana.len == 0))
            out->kana = whole;
        else if (!is_latin && out->name.len == 0)
            out->name = whole;
    }
}

static char sex_of(struct text code)
{
    if (text_is(code, "M") || text_is(code, "F"))
        return code.at[0];
    return text_is(code, "UN") ? 'O' : 'U';
}

static void take_patient(struct cda_reader *reader, struct cda_document *out)
{
    const struct xml_node *role = xml_find(reader->root, "recordTarget/patientRole");
    const struct xml_node *id = xml_child(role, "id");
    const struct xml_node *patient = xml_child(role, "patient");
    struct text birth = xml_attribute(xml_child(patient, "birthTime"), "value");
    out->patient.id = xml_attribute(id, "extension");
    out->patient_offset = id ? id->offset : role ? role->offset : 0;
    out->patient.birth_day = day_from_digits(span_part(text_span(birth), 0, 8));
    out->patient.sex =
        sex_of(xml_attribute(xml_child(patient, "administrativeGenderCode"), "code"));
    take_names(reader, patient, &out->patient);
    if (out->patient.id.len == 0)
        cda_warn(reader, "patient_number_missing", out->patient_offset,
                 TEXT("患者番号（recordTarget）がありません"));
}

static void take_event(struct cda_reader *reader, struct cda_document *out)
{
    const struct xml_node *event = xml_find(reader->root, "documentationOf/serviceEvent");
    const struct xml_node *time = xml_child(event, "effectiveTime");
    struct text value = xml_attribute(time, "value");
    out->has_event = event != NULL;
    out->from = time_of(
        reader, value.len ? value : xml_attribute(xml_child(time, "low"), "value"));
    out->to = time_of(reader, xml_attribute(xml_child(time, "high"), "value"));
    if (!event)
        cda_warn(reader, "cda_event_missing", reader->root->offset,
                 TEXT("診療の期間（documentationOf）がありません"));
}

static void take_header(struct cda_reader *reader, struct cda_document *out)
{
    const struct xml_node *root = reader->root;
    const struct xml_node *code = xml_child(root, "code");
    const struct xml_node *author = xml_find(root, "author/assignedAuthor");
    out->title = text_of(reader, xml_child(root, "title"));
    out->code = xml_attribute(code, "code");
    out->code_system = xml_attribute(code, "codeSystem");
    out->code_name = xml_attribute(code, "displayName");
    out->created =
        time_of(reader, xml_attribute(xml_child(root, "effectiveTime"), "value"));
    out->author = name_of(reader, xml_find(author, "assignedPerson/name"));
    out->organization =
        text_of(reader, xml_find(root, "custodian/assignedCustodian/"
                                       "representedCustodianOrganization/name"));
    if (out->organization.len == 0)
        out->organization =
            text_of(reader, xml_find(author, "representedOrganization/name"));
    if (out->code.len == 0)
        cda_warn(reader, "cda_code_missing", root->offset,
                 TEXT("文書の種別（ClinicalDocument/code）がありません"));
    take_patient(reader, out);
    take_event(reader, out);
}

static void put_header(struct cda_reader *reader, const struct cda_document *document)
{
    enum { FIELDS = 6 };
    struct entry_item *item = cda_item(reader, "document", FIELDS);
    if (!item)
        return;
    entry_add_field(item, "title", document->title);
    entry_add_field(item, "from", document->from);
    entry_add_field(item, "to", document->to);
    entry_add_field(item, "created", document->created);
    entry_add_field(item, "author", document->author);
    entry_add_field(item, "organization", document->organization);
}

/* ------------------------------------------------------------------ sections */

static void put_heading(struct cda_reader *reader, struct text title, int level)
{
    static const char *const levels[] = {"1", "2", "3", "4"};
    struct entry_item *item = title.len ? cda_item(reader, "heading", 2) : NULL;
    if (!item)
        return;
    if (title.len > CDA_BLOCK_BYTES)
        title = TEXT("（長い見出し）");
    entry_add_field(item, "text", title);
    entry_add_field(item, "level", text_cstr(levels[level < 3 ? level : 3]));
}

/* Sections stand in each other by way of component; the levels are bounded. */
static void read_section(struct cda_reader *reader, const struct xml_node *section,
                         int level)
{
    struct text title = text_of(reader, xml_child(section, "title"));
    if (title.len == 0)
        title = xml_attribute(xml_child(section, "code"), "displayName");
    put_heading(reader, title, level);
    if (xml_child(section, "text"))
        cda_read_narrative(reader, xml_child(section, "text"));
    if (level == CDA_LEVELS_MAX) {
        if (xml_child(section, "component"))
            cda_warn(reader, "document_shortened", section->offset,
                     TEXT("見出しの階層が深すぎるため、一部を示していません"));
        return;
    }
    for (const struct xml_node *one = xml_child(section, "component"); one;
         one = xml_next(one, "component"))
        if (xml_child(one, "section"))
            read_section(reader, xml_child(one, "section"), level + 1);
}

static void read_structured(struct cda_reader *reader, const struct xml_node *body)
{
    for (const struct xml_node *one = xml_child(body, "component"); one;
         one = xml_next(one, "component"))
        if (xml_child(one, "section"))
            read_section(reader, xml_child(one, "section"), 0);
}

/* A PDF, say, inside the XML or beside it. */
static void read_unstructured(struct cda_reader *reader, const struct xml_node *body)
{
    const struct xml_node *text = xml_child(body, "text");
    struct text type = xml_attribute(text, "mediaType");
    cda_put_embedded(reader, text);
    bool is_plain = type.len == 0 || text_is(type, "text/plain");
    bool is_packed = text_is(xml_attribute(text, "representation"), "B64");
    if (text && is_plain && !is_packed)
        cda_read_narrative(reader, text);
}

static bool read_body(struct cda_reader *reader)
{
    const struct xml_node *component = xml_child(reader->root, "component");
    const struct xml_node *structured = xml_child(component, "structuredBody");
    const struct xml_node *other = xml_child(component, "nonXMLBody");
    if (structured)
        read_structured(reader, structured);
    else if (other)
        read_unstructured(reader, other);
    else
        return err_at(reader->err, ERR_SYNTAX, "cda_body_missing", reader->root->offset,
                      CLAUSE);
    return cda_is_good(reader);
}

bool cda_read(struct span bytes, struct cda_document *document, struct entry_list *list,
              struct entry *entry, struct arena *arena, struct err *err)
{
    struct xml_document xml = {0};
    *document = (struct cda_document){.patient = {.birth_day = DAY_NONE, .sex = 'U'}};
    if (!xml_parse(bytes, arena, &xml, err))
        return false;
    if (!xml_is(xml.root, "ClinicalDocument"))
        return err_at(err, ERR_SYNTAX, "cda_root", xml.root->offset, CLAUSE);
    struct cda_reader reader = {.arena = arena,
                                .err = err,
                                .list = list,
                                .entry = entry,
                                .document = document,
                                .root = xml.root,
                                .line = buf_init(XML_BYTES_MAX)};
    if (xml.is_misdeclared)
        cda_warn(&reader, "charset_misdeclared", 0,
                 TEXT("宣言された文字コードと違う文字コードで書かれています"));
    if (xml.has_replaced)
        cda_warn(&reader, "charset_replaced", 0,
                 TEXT("読めない文字があり、置き換えて示します"));
    take_header(&reader, document);
    put_header(&reader, document);
    bool is_read = cda_is_good(&reader) && read_body(&reader);
    buf_free(&reader.line);
    return is_read;
}
