// SPDX-License-Identifier: Apache-2.0
/* What the text refers to: renderMultiMedia by way of observationMedia (CDA R2 4.3.5.6,
 * 4.3.6.5), links to files, a body of another kind. Here are names and Base64; nothing is
 * opened, and no name becomes a path. */
#include <string.h>

#include "formats/cda/cda_parts.h"

/* ------------------------------------------------------------------ finding */

static bool is_media(const struct xml_node *node)
{
    return (xml_is(node, "observationMedia") || xml_is(node, "regionOfInterest")) &&
           xml_attribute(node, "ID").len > 0;
}

static const struct xml_node *next_of(const struct xml_node *node,
                                      const struct xml_node *top)
{
    if (node->first)
        return node->first;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

/* Once for a document: a walk for each reference would be one too many. */
static bool list_nodes(struct cda_reader *reader)
{
    if (reader->nodes)
        return true;
    reader->nodes = ARENA_MANY(reader->arena, const struct xml_node *,
                               CDA_MEDIA_NODES_MAX, reader->err);
    if (!reader->nodes)
        return false;
    for (const struct xml_node *node = reader->root; node;
         node = next_of(node, reader->root))
        if (is_media(node) && reader->node_count < CDA_MEDIA_NODES_MAX)
            reader->nodes[reader->node_count++] = node;
    return true;
}

/* A region is a region of a picture: that one is shown, whole. */
static const struct xml_node *find_value(struct cda_reader *reader, struct span id)
{
    for (size_t i = 0; i < reader->node_count; i++) {
        const struct xml_node *node = reader->nodes[i];
        if (!span_equal(text_span(xml_attribute(node, "ID")), id))
            continue;
        return xml_is(node, "observationMedia")
                   ? xml_child(node, "value")
                   : xml_find(node, "entryRelationship/observationMedia/value");
    }
    return NULL;
}

/* "./m.jpg" is "m.jpg". */
static struct text plain_name(struct text name)
{
    if (name.len > 2 && name.at[0] == '.' && name.at[1] == '/')
        return (struct text){name.at + 2, name.len - 2};
    return name;
}

/* A name and nothing else: no scheme, no folder, no fragment, no query. */
static bool is_beside(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((uint8_t)name.at[i] < 0x20 || strchr("/\\:#?", name.at[i]))
            return false;
    return name.len > 0 && name.len <= CDA_NAME_BYTES && name.at[0] != '.';
}

static bool is_base64(const struct xml_node *value)
{
    return text_is(xml_attribute(value, "representation"), "B64") &&
           xml_attribute(value, "compression").len == 0;
}

/* ------------------------------------------------------------------ items */

static bool has_room(struct cda_reader *reader)
{
    if (reader->document->media_count < CDA_MEDIA_MAX)
        return true;
    cda_warn(reader, "document_shortened", 0,
             TEXT("図や添付が多いため、一部を名前だけで示します"));
    return false;
}

/* The item is one of the document's media when there is something to look for. */
static void add_media(struct cda_reader *reader, struct entry_item *item,
                      struct text file, const struct xml_node *value)
{
    struct cda_document *document = reader->document;
    bool is_named = is_beside(file);
    bool is_inside = value && is_base64(value);
    if ((!is_named && !is_inside) || !has_room(reader))
        return;
    struct cda_media *media = ARENA_NEW(reader->arena, struct cda_media, reader->err);
    if (!media)
        return;
    *media = (struct cda_media){.item = item,
                                .file = is_named ? file : TEXT(""),
                                .value = is_inside ? value : NULL};
    if (document->last_media)
        document->last_media->next = media;
    else
        document->media = media;
    document->last_media = media;
    document->media_count++;
}

static void put_item(struct cda_reader *reader, struct text caption, struct text file,
                     const struct xml_node *value)
{
    enum { FIELDS = 3 };
    struct entry_item *item = cda_item(reader, "figure", FIELDS);
    if (!item)
        return;
    entry_add_field(item, "caption", caption.len <= CDA_BLOCK_BYTES ? caption : TEXT(""));
    entry_add_field(item, "file", file.len <= CDA_NAME_BYTES ? file : TEXT(""));
    add_media(reader, item, file, value);
}

static struct text words_of(struct cda_reader *reader, const struct xml_node *node)
{
    struct text words = TEXT("");
    if (!node || !cda_is_good(reader) ||
        !xml_text(node, reader->arena, &words, reader->err))
        return TEXT("");
    return words;
}

/* referencedObject is a list of ids; the caption is said once. */
void cda_put_figure(struct cda_reader *reader, const struct xml_node *node)
{
    enum { IDS_MAX = 16 };
    struct text caption = words_of(reader, xml_child(node, "caption"));
    struct span rest = text_span(xml_attribute(node, "referencedObject"));
    struct span id = {0};
    size_t count = 0;
    if (!cda_is_good(reader) || !list_nodes(reader))
        return;
    while (count < IDS_MAX && span_take(&rest, ' ', &id)) {
        if (id.len == 0)
            continue;
        const struct xml_node *value = find_value(reader, id);
        struct text file =
            plain_name(xml_attribute(xml_child(value, "reference"), "value"));
        put_item(reader, count == 0 ? caption : TEXT(""), file, value);
        count++;
    }
    if (count == 0)
        put_item(reader, caption, TEXT(""), NULL);
}

static void wait_for(struct cda_reader *reader, const struct xml_node *node)
{
    if (reader->waiting_count < CDA_WAITING_MAX)
        reader->waiting[reader->waiting_count++] = node;
    else
        cda_warn(reader, "document_shortened", node->offset,
                 TEXT("図や添付が多いため、一部を示していません"));
}

void cda_mention(struct cda_reader *reader, const struct xml_node *node)
{
    struct text caption = words_of(reader, xml_child(node, "caption"));
    buf_cstr(&reader->line, caption.len ? "［図：" : "［図］");
    if (caption.len) {
        buf_text(&reader->line, caption);
        buf_cstr(&reader->line, "］");
    }
    wait_for(reader, node);
}

void cda_note_link(struct cda_reader *reader, const struct xml_node *node)
{
    if (is_beside(plain_name(xml_attribute(node, "href"))))
        wait_for(reader, node);
}

void cda_put_waiting(struct cda_reader *reader)
{
    size_t count = reader->waiting_count;
    reader->waiting_count = 0;
    for (size_t i = 0; i < count && cda_is_good(reader); i++) {
        const struct xml_node *node = reader->waiting[i];
        if (xml_is(node, "linkHtml"))
            put_item(reader, words_of(reader, node),
                     plain_name(xml_attribute(node, "href")), NULL);
        else
            cda_put_figure(reader, node);
    }
}

void cda_put_embedded(struct cda_reader *reader, const struct xml_node *text)
{
    enum { FIELDS = 3 };
    struct text type = xml_attribute(text, "mediaType");
    struct text file = plain_name(xml_attribute(xml_child(text, "reference"), "value"));
    struct entry_item *item = cda_item(reader, "embedded", FIELDS);
    if (!item)
        return;
    entry_add_field(item, "media_type",
                    type.len && type.len <= CDA_NAME_BYTES ? type : TEXT("text/plain"));
    entry_add_field(item, "file", file.len <= CDA_NAME_BYTES ? file : TEXT(""));
    add_media(reader, item, file, text);
}

/* ------------------------------------------------------------------ Base64 */

static int value_of(char sign)
{
    if (sign >= 'A' && sign <= 'Z')
        return sign - 'A';
    if (sign >= 'a' && sign <= 'z')
        return sign - 'a' + 26;
    if (sign >= '0' && sign <= '9')
        return sign - '0' + 52;
    return sign == '+' ? 62 : sign == '/' ? 63 : -1;
}

struct decoding {
    uint8_t *bytes;
    size_t room;
    size_t count; /* of bytes */
    size_t signs; /* with the padding */
    size_t pads;
    uint32_t bits; /* of the group that is not full yet */
};

static void put_byte(struct decoding *decoding, uint8_t byte)
{
    if (decoding->count < decoding->room)
        decoding->bytes[decoding->count] = byte;
    decoding->count++;
}

/* Four signs are three bytes; each = at the end is a byte less. */
static bool take_sign(struct decoding *decoding, char sign)
{
    int value = value_of(sign);
    if (sign == ' ' || sign == '\t' || sign == '\r' || sign == '\n')
        return true;
    if ((value < 0 && sign != '=') || (value >= 0 && decoding->pads > 0))
        return false;
    decoding->pads += value < 0;
    decoding->bits = decoding->bits << 6 | (uint32_t)(value < 0 ? 0 : value);
    if (++decoding->signs % 4 != 0)
        return true;
    if (decoding->pads > 2)
        return false;
    for (size_t i = 0; i + decoding->pads < 3; i++)
        put_byte(decoding, (uint8_t)(decoding->bits >> (16 - 8 * i)));
    decoding->bits = 0;
    return true;
}

bool cda_decode(const struct xml_node *value, uint8_t *bytes, size_t room,
                size_t *size_bytes)
{
    struct decoding decoding = {.bytes = bytes, .room = room};
    *size_bytes = 0;
    if (!value || !is_base64(value))
        return false;
    for (const struct xml_node *one = value->first; one; one = one->next)
        for (size_t i = 0; one->name.len == 0 && i < one->text.len; i++)
            if (!take_sign(&decoding, one->text.at[i]))
                return false;
    *size_bytes = decoding.count;
    return decoding.signs % 4 == 0 && decoding.count > 0;
}
