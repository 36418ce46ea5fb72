// SPDX-License-Identifier: Apache-2.0
#include "formats/zip/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

struct zip {
    struct archive *archive;
    zip_write *write;
    void *context;
    int64_t missing_bytes; /* of the file that is being written */
    bool is_over;          /* nothing more is written */
};

/* What nobody takes any more is swallowed: libarchive keeps its buffers for ever when it
 * is told of a fault, so the fault is kept here. */
static la_ssize_t pass_on(struct archive *archive, void *context, const void *bytes,
                          size_t len)
{
    struct zip *zip = context;
    (void)archive;
    if (!zip->is_over)
        zip->is_over = !zip->write(zip->context, span_of(bytes, len));
    return (la_ssize_t)len;
}

static bool fail(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "zip_failed", "the archive cannot be written");
}

struct zip *zip_open(zip_write *write, void *context, struct err *err)
{
    struct zip *zip = memory_new(1, sizeof *zip, err);
    if (!zip)
        return NULL;
    *zip =
        (struct zip){.archive = archive_write_new(), .write = write, .context = context};
    bool is_good =
        zip->archive && archive_write_set_format_zip(zip->archive) == ARCHIVE_OK &&
        archive_write_zip_set_compression_store(zip->archive) == ARCHIVE_OK &&
        /* as it comes: libarchive would else hand on 10 kB at a time */
        archive_write_set_bytes_per_block(zip->archive, 0) == ARCHIVE_OK &&
        archive_write_open2(zip->archive, zip, NULL, pass_on, NULL, NULL) == ARCHIVE_OK;
    if (is_good)
        return zip;
    zip_free(zip);
    (void)!fail(err);
    return NULL;
}

static bool is_plain(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_./";
    return *name && *name != '/' && !strstr(name, "..") &&
           name[strspn(name, letters)] == '\0';
}

bool zip_file(struct zip *zip, const char *name, int64_t size_bytes, int64_t changed_s,
              struct err *err)
{
    if (!is_plain(name))
        return err_set(err, ERR_REFUSED, "zip_name", "not a name for an archive");
    if (zip->missing_bytes != 0)
        return fail(err);
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return fail(err);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, S_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size_bytes);
    archive_entry_set_mtime(entry, changed_s, 0);
    bool is_good = archive_write_header(zip->archive, entry) == ARCHIVE_OK;
    archive_entry_free(entry);
    zip->missing_bytes = size_bytes;
    return (is_good && !zip->is_over) || fail(err);
}

bool zip_data(struct zip *zip, struct span bytes, struct err *err)
{
    if ((uint64_t)zip->missing_bytes < bytes.len ||
        archive_write_data(zip->archive, bytes.at, bytes.len) != (la_ssize_t)bytes.len)
        return fail(err);
    zip->missing_bytes -= (int64_t)bytes.len;
    return !zip->is_over || fail(err);
}

bool zip_end(struct zip *zip, struct err *err)
{
    bool is_whole =
        zip->missing_bytes == 0 && archive_write_close(zip->archive) == ARCHIVE_OK;
    return (is_whole && !zip->is_over) || fail(err);
}

void zip_free(struct zip *zip)
{
    if (!zip)
        return;
    zip->is_over = true;
    if (zip->archive)
        archive_write_free(zip->archive);
    memory_free(zip);
}
