// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/hospital.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/day.h"
#include "test/simulate/scheduler.h"

#define FIXED_KEY "999999999999999"

static const char *const types[] = {"OML-11", "ADT-12"};

/* ---- the storage's folders ---- */

static void set_time(const char *path)
{
    int64_t us = scheduler_wall_ms(SCHEDULER_OUTSIDE) * 1000 + scheduler_now_us() % 1000;
    struct timespec now = {us / 1000000, us % 1000000 * 1000};
    struct timespec both[2] = {now, now};
    long failed = syscall(SYS_utimensat, AT_FDCWD, path, both, 0);
    assert(!failed);
}

/* Makes what is missing below the storage; every folder that got something new says so.
 */
static void make_folders(const char *storage, const char *folder, char path[PATH_MAX])
{
    char whole[PATH_MAX];
    snprintf(whole, sizeof whole, "%s/%s/", storage, folder);
    for (char *at = whole + strlen(storage) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        bool is_new = mkdir(whole, 0755) == 0;
        if (is_new) {
            char *above = strrchr(whole, '/');
            set_time(whole);
            *above = '\0';
            set_time(whole);
            *above = '/';
        }
        *at = '/';
    }
    whole[strlen(whole) - 1] = '\0';
    snprintf(path, PATH_MAX, "%s", whole);
}

static void write_bytes(const char *folder, const char *name, const char *bytes)
{
    char path[2 * PATH_MAX];
    size_t len = strlen(bytes);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert(fd >= 0);
    long put = syscall(SYS_write, fd, bytes, len);
    assert(put == (long)len);
    syscall(SYS_close, fd);
    set_time(path);
    set_time(folder);
}

void hospital_stamp(char stamp[18])
{
    static int64_t last_ms; /* allowed: the hospital's own counter */
    int64_t now_ms = scheduler_wall_ms(SCHEDULER_OUTSIDE);
    last_ms = now_ms > last_ms ? now_ms : last_ms + 1;
    int year, month, day_of_month;
    day_to_date(day_of_instant(last_ms), &year, &month, &day_of_month);
    int64_t of_day = last_ms % 86400000;
    char text[64];
    snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02d%03d", year, month, day_of_month,
             (int)(of_day / 3600000), (int)(of_day / 60000 % 60),
             (int)(of_day / 1000 % 60), (int)(of_day % 1000));
    snprintf(stamp, 18, "%.17s", text);
}

/* ---- names ---- */

static void day_text(int32_t day, char out[9])
{
    int year, month, day_of_month;
    day_to_date(day, &year, &month, &day_of_month);
    char text[40];
    snprintf(text, sizeof text, "%04d%02d%02d", year, month, day_of_month);
    snprintf(out, 9, "%.8s", text);
}

static void key_text(const struct hospital_key *key, char out[16])
{
    if (key->type == HOSPITAL_VISIT)
        snprintf(out, 16, FIXED_KEY);
    else
        snprintf(out, 16, "%015d", key->key);
}

static void folder_of(const struct hospital_key *key, char out[64])
{
    char day[9];
    const char *number = key->patient->number;
    day_text(key->day, day);
    snprintf(out, 64, "%.3s/%.3s/%s/%s/%s", number, number + 3, number, day,
             types[key->type]);
}

static void name_of(const struct hospital_key *key, const char *stamp,
                    const char *department, char flag, char out[128])
{
    char day[9], text[16];
    day_text(key->day, day);
    key_text(key, text);
    snprintf(out, 128, "%s_%s_%s_%s_%s_%s_%c", key->patient->number, day,
             types[key->type], text, stamp, department, flag);
}

/* ---- messages ---- */

#define MSH(type)                                                                        \
    "MSH|^~\\&|HIS|SEND|GW|RCV|20260901120000.000||" type "|1|P|2.5||||||UNICODE UTF-8|" \
    "||SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO\r"

static void put_pid(const struct hospital_patient *patient, char out[512])
{
    snprintf(out, 512, "PID|0001||%s^^^^PI||%s^%s^^^^^L^I~%s^%s^^^^^L^P||%s|%c\r",
             patient->number, patient->family, patient->given, patient->family_kana,
             patient->given_kana, patient->birth, patient->sex);
}

static void put_message(const struct hospital_key *key, int value, const char *department,
                        bool is_cancelled, char out[4096])
{
    char pid[512], day[9];
    put_pid(key->patient, pid);
    day_text(key->day, day);
    if (key->type == HOSPITAL_VISIT) {
        snprintf(out, 4096,
                 MSH("ADT^A04^ADT_A01") "EVN||%s\r%sPV1|0001|O|%s^^^^^C|||||||%s||||||||"
                                        "||||||||||||||||||||||||||%s0900%02d\r",
                 day, pid, department, department, day, value % 60);
        return;
    }
    snprintf(
        out, 4096,
        MSH("OUL^R22^OUL_R22") "%sPV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||"
                               "01\rSPM|1|%d||023^血清^JC10|||||||||||||%s0900\r"
                               "OBR|1|%015d|1|E002^生化学的検査^99O03|||%s\r"
                               "ORC|%s|%015d|||||||%s091500||||||||%s^科^99XY1\r"
                               "OBX|1|NM|3A010000002327101^総蛋白^JC10||%d|g/"
                               "dl|6.7-8.3||||F|||%s0900\r",
        pid, key->key, day, key->key, day, is_cancelled ? "CA" : "SC", key->key, day,
        department, value, day);
}

/* ---- what the hospital does ---- */

void hospital_put_patient(const struct world *world, int node,
                          const struct hospital_patient *patient)
{
    char storage[DISK_PATH], folder[64], path[PATH_MAX], name[128], pid[512], text[2048];
    char stamp[18];
    hospital_stamp(stamp);
    world_storage(world, node, storage);
    snprintf(folder, sizeof folder, "%.3s/%.3s/%s/-/ADT-00", patient->number,
             patient->number + 3, patient->number);
    snprintf(name, sizeof name, "%s_-_ADT-00_" FIXED_KEY "_%s_-_1", patient->number,
             stamp);
    put_pid(patient, pid);
    snprintf(text, sizeof text,
             MSH("ADT^A08^ADT_A01") "EVN||202409011200|||||SEND\r%s"
                                    "PV1|0001|O|01^^^^^C||||110^空^医師^^^^^^^L^^^^^I|||"
                                    "01\r",
             pid);
    make_folders(storage, folder, path);
    write_bytes(path, name, text);
}

/* Whether this file is one of the key's. */
static bool is_of(const char *name, const struct hospital_key *key)
{
    char text[16];
    key_text(key, text);
    const char *at = strstr(name, types[key->type]);
    return at && strncmp(at + strlen(types[key->type]) + 1, text, 15) == 0;
}

/* '\0' removes; otherwise the files of the key with other flags get this one, but those
 * of `kept`. */
static void change_all(const char *folder, const struct hospital_key *key, char kept,
                       char flag)
{
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        char path[2 * PATH_MAX], target[2 * PATH_MAX];
        size_t len = strlen(entry->d_name);
        if (!is_of(entry->d_name, key))
            continue;
        char present = entry->d_name[len - 1];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(target, sizeof target, "%s", path);
        target[strlen(target) - 1] = flag;
        if (flag == '\0')
            syscall(SYS_unlinkat, AT_FDCWD, path, 0);
        else if (present != flag && present != kept)
            syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, target);
    }
    if (listing)
        closedir(listing);
    set_time(folder);
}

static void open_folder(const struct world *world, int node,
                        const struct hospital_key *key, char path[PATH_MAX])
{
    char storage[DISK_PATH], folder[64];
    world_storage(world, node, storage);
    folder_of(key, folder);
    make_folders(storage, folder, path);
}

void hospital_put(const struct world *world, int node, const struct hospital_key *key,
                  const char *stamp, int value, const char *department)
{
    char path[PATH_MAX], name[128], text[4096];
    open_folder(world, node, key, path);
    change_all(path, key, '0', '2');
    name_of(key, stamp, department, '1', name);
    put_message(key, value, department, false, text);
    write_bytes(path, name, text);
}

void hospital_cancel(const struct world *world, int node, const struct hospital_key *key,
                     const char *stamp, const char *department)
{
    char path[PATH_MAX], name[128], text[4096];
    open_folder(world, node, key, path);
    change_all(path, key, '0', '0');
    name_of(key, stamp, department, '0', name);
    put_message(key, 0, department, true, text);
    write_bytes(path, name, text);
}

void hospital_remove(const struct world *world, int node, const struct hospital_key *key)
{
    char path[PATH_MAX];
    open_folder(world, node, key, path);
    change_all(path, key, '\0', '\0');
}
