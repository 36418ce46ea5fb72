// SPDX-License-Identifier: Apache-2.0
#pragma once
/* For the fault tests: the names of the files on the disk of fault_disk.h, which includes
 * this. A new name, a removal and a move are durable by a sync of their folder. */

static inline bool disk_lies_in(const char *name, const char *folder)
{
    size_t len = strlen(folder);
    if (len > 0 && (strncmp(name, folder, len) != 0 || name[len] != '/'))
        return false;
    return !strchr(name + (len > 0 ? len + 1 : 0), '/');
}

static inline void disk_sync_folder(const char *folder)
{
    for (int i = 0; i < disk.count; i++) {
        struct disk_file *file = &disk.files[i];
        if (strcmp(file->moved_in, folder) == 0)
            file->old_name[0] = '\0';
        if (!disk_lies_in(file->name, folder))
            continue;
        file->has_name = true;
        file->is_gone = file->is_removed;
    }
}

/* The name below the directory; NULL when it lies elsewhere. */
static inline const char *disk_name_below(const char *path)
{
    size_t prefix = strlen(fault_plan->directory);
    bool is_below = prefix > 0 && strncmp(path, fault_plan->directory, prefix) == 0 &&
                    path[prefix] == '/';
    return is_below ? path + prefix + 1 : NULL;
}

static inline const char *disk_below(const char *path)
{
    return fault_plan->remembers_syncs ? disk_name_below(path) : NULL;
}

static inline void disk_removed(const char *path)
{
    const char *name = disk_below(path);
    if (!name)
        return;
    pthread_mutex_lock(&disk.lock);
    struct disk_file *file = disk_named(name);
    if (file) {
        file->is_removed = true;
        file->inode = 0;
    }
    pthread_mutex_unlock(&disk.lock);
}

static inline void disk_move(struct disk_file *file, const char *name, const char *to)
{
    const char *slash = strrchr(to, '/');
    int len = slash ? (int)(slash - to) : 0;
    memcpy(file->old_name, file->name, sizeof file->old_name);
    snprintf(file->moved_in, sizeof file->moved_in, "%.*s", len, to);
    snprintf(file->name, sizeof file->name, "%s", name);
}

/* Of a folder: what is below it goes along. */
static inline void disk_moved_along(const char *from, const char *to)
{
    size_t len = strlen(from);
    for (int i = 0; i < disk.count; i++) {
        struct disk_file *file = &disk.files[i];
        char name[DISK_NAME];
        if (file->is_removed || strncmp(file->name, from, len) != 0 ||
            file->name[len] != '/')
            continue;
        if (strlen(to) + strlen(file->name + len) >= sizeof name)
            abort();
        memcpy(stpcpy(name, to), file->name + len, strlen(file->name + len) + 1);
        file->is_moved_along = true;
        disk_move(file, name, to);
    }
}

static inline void disk_renamed(const char *from, const char *to)
{
    const char *old_name = disk_below(from);
    const char *name = disk_below(to);
    if (!old_name || !name)
        return;
    pthread_mutex_lock(&disk.lock);
    struct disk_file *replaced = disk_named(name);
    struct disk_file *file = disk_named(old_name);
    if (replaced) {
        replaced->is_removed = true;
        replaced->inode = 0; /* its number may be used again */
    }
    if (file)
        disk_move(file, name, name);
    else
        disk_moved_along(old_name, name);
    pthread_mutex_unlock(&disk.lock);
}
