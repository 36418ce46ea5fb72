// SPDX-License-Identifier: Apache-2.0
/* The same storage found by sweeping, by a transaction storage and by an index database
 * is the same index (formats.md 2.10); and a database that is killed and comes back. */
#include <signal.h>
#include <sys/prctl.h>

#include "gateway/collect/collect_testsite.h"
#include "gateway/rows/rows_testsite.h"

static const char *server; /* allowed: which database the tests run on */

enum source { BY_SWEEP, BY_TRANSACTIONS, BY_ROWS };

struct region {
    struct scene scene; /* its storage; indexes are made for each source */
    struct rows_testsite site;
    struct collect_root roots[2];
    char extended[128];
    char transactions[128];
    const char *places[1];
    struct rows *rows;
};

/* Runs a script with these two words as $1 and $2. */
static void run(const char *script, const char *first, const char *second)
{
    const char *const words[] = {"bash", "-euc", script, "test", first, second, NULL};
    CHECK(rows_testsite_run(words) == 0);
}

#define DOCUMENT_TYPE "N01^看護サマリー^99Z"
#define DOCUMENT NUMBER "_20240501_N01_" KEY "_" OCCURRED "_01_1"

/* A few invented patients of a region with their usual deviations, and what is wrong in
 * all the ways that a file can be: another's, cut, named wrongly, replaced, deleted. */
static void fill(struct region *region)
{
    struct scene *scene = &region->scene;
    struct err err = {0};
    char path[512];
    run("\"$TSUMUGI\" synth --seed 11 --today 2024-06-01 --people 28 "
        "--images none --out \"$1/region\"\n"
        "cd \"$1/region/storage/9911000011\"\n"
        "for patient in $(ls -d */*/* | sort | head -3); do\n"
        "  mkdir -p \"$2/${patient%/*}\"\n"
        "  cp -r \"$patient\" \"$2/$patient\"\n"
        "done",
        scene->folder, scene->storage);
    put_patient(scene);
    put_lab(scene);
    put_file(scene, LAB_FOLDER, LAB_FILE("20240501110000000", "2"), LAB(OWN_PID, "7.1"));
    put_file(scene, PATIENT_FOLDER "/20240502/OML-11",
             NUMBER "_20240502_OML-11_" KEY "_" OCCURRED "_01_0", LAB(OWN_PID, "7.1"));
    put_file(scene, PATIENT_FOLDER "/20240503/OML-11",
             NUMBER "_20240503_OML-11_" KEY "_" OCCURRED "_01_1",
             LAB(PID("0000099999", "別^人", "ベツ^ジン", "19600203"), "7.1"));
    put_file(scene, PATIENT_FOLDER "/20240504/OML-11",
             NUMBER "_20240504_OML-11_" KEY "_" OCCURRED "_01_1", "MSH|^~\\&|HIS\rPI");
    put_file(scene, PATIENT_FOLDER "/20240505/OML-11", "not_a_name", "MSH|");
    snprintf(path, sizeof path,
             "%s/" PATIENT_FOLDER "/20240501/" DOCUMENT_TYPE "/" DOCUMENT,
             region->extended);
    CHECK(path_make_directory(path, &err));
    snprintf(path + strlen(path), sizeof path - strlen(path), "/main_document.txt");
    CHECK(path_write_file(path, SPAN("本文"), &err));
}

/* The writer's side: a header and a row for each file, in the order of the names. */
static void tell(struct region *region)
{
    run("cd \"$1/storage\"\n"
        "find . -mindepth 6 -maxdepth 6 -type f -printf '%P\\n' | LC_ALL=C sort |\n"
        "awk -F/ -v sql=\"$1/rows.sql\" -v tr=\"$1/TR.DAT\" '{\n"
        "  n = split($6, part, \"_\"); key = n > 4 ? part[4] : \"1\"\n"
        "  action = substr($6, length($6)) == \"0\" ? \"DEL\" : \"INS\"\n"
        "  at = sprintf(\"2024-06-01 %02d:%02d:%02d\", 1 + NR / 3600, NR / 60 % 60, "
        "NR % 60)\n"
        "  printf \"INSERT INTO SSMIXIDX VALUES "
        "(\\x27STD01\\x27,\\x279911000011\\x27,\\x27%s\\x27,\\x27%s\\x27,\\x27%s\\x27,"
        "\\x27%s\\x27,\\x27%s\\x27,NULL,NULL,\\x27%s/%s/%s/%s/%s\\x27,\\x27%s\\x27,"
        "\\x27%s\\x27);\\n\", $3, $4, $5, key, action, $1, $2, $3, $4, $5, $6, at > sql\n"
        "  printf "
        "\"#SSMIX,2.00,9911000011,%s,%s,%s,%s,%s,-,20240601000000000\\rMSH|x\\r\", "
        "$3, $4, $5, key, action > tr\n"
        "}'\n"
        "printf '#SSMIX,2.00,9911000011," NUMBER ",20240501,N01," KEY
        ",INS,-,20240601000000000\\r' >> \"$1/TR.DAT\"\n"
        "printf \"INSERT INTO SSMIXIDX VALUES ('ANX01','9911000011','" NUMBER
        "','20240501','" DOCUMENT_TYPE "','" KEY "','INS',NULL,NULL,'" PATIENT_FOLDER
        "/20240501/" DOCUMENT_TYPE "','" DOCUMENT
        "','2024-06-01 23:00:00');\\n\" >> \"$1/rows.sql\"",
        region->scene.folder, "");
}

static void begin_region(struct region *region)
{
    struct err err = {0};
    *region = (struct region){0};
    begin(&region->scene);
    collect_free(region->scene.collect);
    index_close(region->scene.index);
    rows_testsite_begin(&region->site, server);
    snprintf(region->extended, sizeof region->extended, "%s/extended",
             region->scene.folder);
    snprintf(region->transactions, sizeof region->transactions, "%s/transactions/2024",
             region->scene.folder);
    CHECK(path_make_directory(region->transactions, &err));
    *strrchr(region->transactions, '/') = '\0';
    region->places[0] = region->transactions;
    region->roots[0] = region->scene.root;
    region->roots[1] = (struct collect_root){
        .label = "ext", .directory = region->extended, .is_extended = true};
    fill(region);
    tell(region);
}

static void end_region(struct region *region)
{
    rows_testsite_end(&region->site);
    arena_free(&region->scene.arena);
    CHECK(test_remove(region->scene.folder));
}

static void open_source(struct region *region, enum source source)
{
    struct err err = {0};
    struct scene *scene = &region->scene;
    snprintf(scene->location, sizeof scene->location, "%s/index%d.db", scene->folder,
             (int)source);
    struct rows_config rows = {.connection_file = region->site.connection,
                               .program = getenv("TSUMUGI"),
                               .timeout_s = 30,
                               .clock = scene_clock(scene)};
    region->rows = source == BY_ROWS ? rows_open(&rows, &err) : NULL;
    open_index(scene);
    struct collect_config config = {.index = scene->index,
                                    .roots = region->roots,
                                    .root_count = 2,
                                    .transactions = region->places,
                                    .transaction_count = source == BY_TRANSACTIONS,
                                    .rows = region->rows,
                                    .rows_period_ms = 1000,
                                    .facility_code = TEXT("9911000011"),
                                    .clock = scene_clock(scene),
                                    .second_look_ms = 5000,
                                    .sweep_period_ms = 3600 * 1000,
                                    .full_period_ms = 3600 * 1000,
                                    .recent_days = 100000};
    scene->collect = collect_new(&config, &err);
    CHECK(scene->collect);
}

static void close_source(struct region *region)
{
    collect_free(region->scene.collect);
    rows_close(region->rows);
    index_close(region->scene.index);
}

static void insert_rows(struct region *region)
{
    char path[160];
    struct err err = {0};
    struct span rows = {0};
    snprintf(path, sizeof path, "%s/rows.sql", region->scene.folder);
    CHECK(path_read_file(path, 8 << 20, &region->scene.arena, &rows, &err));
    const char *sql = arena_string(&region->scene.arena, rows, &err);
    CHECK(sql);
    rows_testsite_do(&region->site, sql);
}

static void bring_in(struct region *region, enum source source)
{
    struct err err = {0};
    struct collect *collect = region->scene.collect;
    switch (source) {
    case BY_SWEEP:
        CHECK(collect_sweep(collect, true, &err));
        break;
    case BY_TRANSACTIONS:
        CHECK(collect_follow(collect, &err)); /* its end, which is its beginning */
        run("cp \"$1\" \"$2/2024/TR_20240601000000000_00001.DAT\"", "/dev/null",
            region->transactions);
        CHECK(collect_follow(collect, &err));
        run("cat \"$1/TR.DAT\" >> \"$2/2024/TR_20240601000000000_00001.DAT\"",
            region->scene.folder, region->transactions);
        CHECK(collect_follow(collect, &err));
        break;
    case BY_ROWS:
        rows_testsite_do(&region->site, "CREATE TABLE SSMIXIDX (" ROWS_COLUMNS ")");
        CHECK(collect_look_up_rows(collect, &err)); /* nothing yet */
        insert_rows(region);
        CHECK(collect_look_up_rows(collect, &err));
        break;
    }
}

/* All that an index says of the storage, but for when it was found. */
static void dump(struct region *region, enum source source)
{
    char name[4];
    snprintf(name, sizeof name, "%d", (int)source);
    run("sqlite3 -bail \"$1/index$2.db\" \""
        "SELECT path, number, base, version, size, changed_ns, state, code, "
        "offset_bytes, "
        "hash, beside FROM index_file ORDER BY path;"
        "SELECT number, entry_key, base, version, kind, state, flags, day, end_day, "
        "is_open, title, department_code, department, author, time, order_number, path, "
        "is_published FROM index_entry ORDER BY number, entry_key;"
        "SELECT * FROM index_patient ORDER BY number;"
        "SELECT * FROM index_replaced ORDER BY old\" > \"$1/dump$2\"",
        region->scene.folder, name);
}

static void all_three_give_the_same_index(void)
{
    struct region region;
    begin_region(&region);
    for (enum source source = BY_SWEEP; source <= BY_ROWS; source++) {
        open_source(&region, source);
        bring_in(&region, source);
        close_source(&region);
        dump(&region, source);
    }
    run("cd \"$1\"; [[ $(wc -l < dump0) -gt 300 ]]; grep -q 看護 dump0\n"
        "grep -q patient_mismatch dump0; grep -q hl7_ dump0",
        region.scene.folder, "");
    run("cd \"$1\"; diff dump0 dump1 | head -5 | cut -c1-200 >&2; cmp dump0 dump1",
        region.scene.folder, "");
    run("cd \"$1\"; diff dump0 dump2 | head -5 | cut -c1-200 >&2; cmp dump0 dump2",
        region.scene.folder, "");
    end_region(&region);
}

int main(void)
{
    if (!getenv("TSUMUGI")) {
        SKIP("sources", "TSUMUGI does not name the program");
        return test_done();
    }
    RUN(all_three_give_the_same_index);
    server = getenv("TSUMUGI_TEST_POSTGRES");
    if (server)
        RUN(all_three_give_the_same_index);
    else
        SKIP("PostgreSQL", "TSUMUGI_TEST_POSTGRES is not set; tools/postgres sets it");
    return test_done();
}
