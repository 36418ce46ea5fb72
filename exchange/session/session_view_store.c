// SPDX-License-Identifier: Apache-2.0
#include "exchange/session/session_view.h"

#include "base/day.h"
#include "formats/json/json.h"
#include "store/store.h"

static bool write_post(struct session_service *sessions, struct store_session *session,
                       const struct staff_post *post, struct arena *arena,
                       struct json_writer *writer, struct err *err)
{
    struct facility facility;
    if (!facility_find(session, post->facility, arena, &facility, err))
        return false;
    bool is_connected = sessions->config.gateways &&
                        facility_gateway_is_ready(sessions->config.gateways, facility.id);
    json_open_object(writer);
    json_put_id(writer, "id", post->id);
    json_put_cstr(writer, "profession", staff_profession_id(post->profession));
    json_put_cstr(writer, "role", staff_role_id(post->role));
    json_key(writer, "facility");
    facility_write(writer, &facility, is_connected);
    json_close_object(writer);
    return true;
}

static void write_staff(struct json_writer *writer, const struct session_row *row)
{
    json_key(writer, "staff");
    json_open_object(writer);
    json_put_id(writer, "id", row->staff);
    json_put_text(writer, "name", row->staff_name);
    json_put_text(writer, "kana", row->staff_kana);
    json_close_object(writer);
}

static void write_network(struct json_writer *writer, const struct network *network)
{
    json_key(writer, "network");
    json_open_object(writer);
    json_put_id(writer, "id", network->id);
    json_put_text(writer, "name", network->name);
    json_put_cstr(writer, "consent_model",
                  network_consent_model_id(network->consent_model));
    json_close_object(writer);
}

bool session_write_view(struct session_service *sessions, const struct session_view *view,
                        struct arena *arena, struct buf *out, struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    struct network network;
    if (!session || !network_find(session, view->row->network, arena, &network, err))
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    write_staff(&writer, view->row);
    json_key(&writer, "post");
    if (!write_post(sessions, session, &view->row->post, arena, &writer, err))
        return false;
    write_network(&writer, &network);
    json_put_cstr(&writer, "assurance", network_assurance_id(view->row->assurance));
    json_put_cstr(&writer, "csrf", view->csrf);
    json_put_int(&writer, "idle_ms", SESSION_IDLE_MS);
    json_put_int(&writer, "ends_at", view->row->times.opened_at + SESSION_ABSOLUTE_MS);
    json_put_bool(&writer, "is_demo", view->is_demo);
    json_put_day(&writer, "today", view->today);
    json_close_object(&writer);
    return true;
}

bool session_write_posts(struct session_service *sessions, const struct staff_post *posts,
                         size_t count, struct arena *arena, struct buf *out,
                         struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    if (!session)
        return false;
    struct json_writer writer = json_writer(out);
    json_open_object(&writer);
    json_key(&writer, "posts");
    json_open_array(&writer);
    for (size_t i = 0; i < count; i++)
        if (!write_post(sessions, session, &posts[i], arena, &writer, err))
            return false;
    json_close_array(&writer);
    json_close_object(&writer);
    return true;
}

static bool takes_part(struct store_session *session, struct id facility, int32_t today,
                       bool *does, struct err *err)
{
    struct id network;
    *does = network_of_facility(session, facility, today, &network, err);
    if (*does)
        return true;
    if (err->kind != ERR_MISSING)
        return false;
    err_clear(err);
    return true;
}

bool session_usable_posts(struct session_service *sessions, struct id staff,
                          struct arena *arena, struct staff_post **posts, size_t *count,
                          struct err *err)
{
    CLEANUP(store_read_end)
    struct store_session *session = store_read(sessions->config.store, err);
    int32_t today = day_of_instant(clock_wall_ms(&sessions->config.clock));
    size_t all = 0;
    *count = 0;
    if (!session || !staff_active_posts(session, staff, today, arena, posts, &all, err))
        return false;
    for (size_t i = 0; i < all; i++) {
        bool does = false;
        if (!takes_part(session, (*posts)[i].facility, today, &does, err))
            return false;
        if (does)
            (*posts)[(*count)++] = (*posts)[i];
    }
    return true;
}
