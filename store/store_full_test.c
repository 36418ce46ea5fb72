// SPDX-License-Identifier: Apache-2.0
/* The disk of a database on a server is full: what cannot be kept is refused by its name,
 * what is there is read, and all goes on by itself once there is room. The disk is a
 * tablespace on a small one; mounting it needs the right to. */
#include "store/store_things.h"

#include <sys/mount.h>

enum { NAME_BYTES = 1500, DISK_MB = 24, ROWS_MAX = 20000 };

struct disk {
    struct store_testsite place;
    char folder[96];
    char space[64]; /* the tablespace, and the database in it */
};

static bool is_told(const char *sql)
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        execlp("psql", "psql", "-q", "-X", "-h", getenv("TSUMUGI_TEST_POSTGRES"), "-U",
               "tsumugi", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql,
               (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The server runs as somebody else, who has to own the folder. */
static bool mount_small(const struct disk *disk)
{
    char option[64], data[STORE_TESTSITE_BYTES];
    struct stat owner;
    snprintf(data, sizeof data, "%s/data", getenv("TSUMUGI_TEST_POSTGRES"));
    if (stat(data, &owner) != 0 || chmod(disk->place.directory, 0711) != 0 ||
        mkdir(disk->folder, 0700) != 0)
        return false;
    snprintf(option, sizeof option, "mode=700,uid=%u,size=%dm", owner.st_uid, DISK_MB);
    return mount("tmpfs", disk->folder, "tmpfs", 0, option) == 0;
}

static bool open_disk(struct disk *disk)
{
    *disk = (struct disk){.place = store_testsite_new()};
    snprintf(disk->folder, sizeof disk->folder, "%s/disk", disk->place.directory);
    snprintf(disk->space, sizeof disk->space, "%s_data",
             strrchr(disk->place.directory, '/') + 1);
    return mount_small(disk);
}

static void open_database(const struct disk *disk)
{
    char sql[512];
    snprintf(sql, sizeof sql, "CREATE TABLESPACE \"%s\" LOCATION '%s'", disk->space,
             disk->folder);
    CHECK(is_told(sql));
    snprintf(sql, sizeof sql,
             "CREATE DATABASE \"%s\" TABLESPACE \"%s\" TEMPLATE template0 ENCODING "
             "'UTF8' LOCALE 'C'",
             disk->space, disk->space);
    CHECK(is_told(sql));
}

static void make_room(const struct disk *disk)
{
    CHECK(mount(NULL, disk->folder, NULL, MS_REMOUNT, "size=256m") == 0);
}

static void close_database(const struct disk *disk)
{
    char sql[256];
    snprintf(sql, sizeof sql, "DROP DATABASE \"%s\" WITH (FORCE)", disk->space);
    CHECK(is_told(sql));
    snprintf(sql, sizeof sql, "DROP TABLESPACE \"%s\"", disk->space);
    CHECK(is_told(sql));
}

static void close_disk(struct disk *disk, bool is_mounted)
{
    CHECK(!is_mounted || umount(disk->folder) == 0);
    store_testsite_remove(&disk->place);
}

static bool may_mount(void)
{
    struct disk disk;
    bool may = open_disk(&disk);
    close_disk(&disk, may);
    return may;
}

/* Nothing that a database could press together. */
static void name_row(char name[NAME_BYTES + 1], int number)
{
    uint32_t state = (uint32_t)number * 2654435761U + 1;
    for (int i = 0; i < NAME_BYTES; i++) {
        state = state * 1664525U + 1013904223U;
        name[i] = (char)('a' + (state >> 24) % 26);
    }
    name[NAME_BYTES] = '\0';
}

/* The number of rows that were kept before one was refused. */
static int add_until_full(struct store *store, int first, struct err *err)
{
    char name[NAME_BYTES + 1];
    int count = 0;
    for (; count < ROWS_MAX; count++) {
        name_row(name, first + count);
        if (!add(store, name, count, err))
            break;
    }
    return count;
}

static void a_full_disk_is_named_and_all_goes_on_when_there_is_room(void)
{
    struct disk disk;
    struct err err = {0};
    CHECK(open_disk(&disk));
    open_database(&disk);
    struct store *store = open_place(&disk.place);
    int kept = add_until_full(store, 0, &err);
    CHECK(kept > 100 && kept < ROWS_MAX);
    CHECK(err.kind == ERR_BUSY && strcmp(err.code, "store_full") == 0);
    err_clear(&err);
    CHECK(count_things(store) == kept);
    char name[NAME_BYTES + 1];
    name_row(name, ROWS_MAX);
    CHECK(!add(store, name, 1, &err) && strcmp(err.code, "store_full") == 0);
    err_clear(&err);
    make_room(&disk);
    CHECK(add(store, name, 1, &err));
    CHECK(count_things(store) == kept + 1);
    store_close(store);
    close_database(&disk);
    close_disk(&disk, true);
}

int main(void)
{
    if (!store_testsite_is_postgres()) {
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
        return test_done();
    }
    if (!may_mount()) {
        SKIP("small disks", "no right to mount");
        return test_done();
    }
    RUN(a_full_disk_is_named_and_all_goes_on_when_there_is_room);
    return test_done();
}
