/* The model, and what an enumeration must return. A part of native.c. */

#define MODEL_MOST 3000

/* Above the numbers of interfaces in models. */
#define INTERFACES_MOST 13

/* Memberships in ascending order of (group, source, interface, protocol). */
typedef struct Model {
    size_t count;
    Member members[MODEL_MOST];
} Model;

static int compare_joins(const Member *left, const Member *right)
{
    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    if (left->source != right->source)
        return left->source < right->source ? -1 : 1;
    return 0;
}

static int compare_members(const Member *left, const Member *right)
{
    int joins = compare_joins(left, right);
    if (joins != 0)
        return joins;
    if (left->interface != right->interface)
        return left->interface < right->interface ? -1 : 1;
    if (left->protocol != right->protocol)
        return left->protocol < right->protocol ? -1 : 1;
    return 0;
}

static int compare_by_interface(const Member *left, const Member *right)
{
    if (left->interface != right->interface)
        return left->interface < right->interface ? -1 : 1;
    return compare_members(left, right);
}

/* The index of a membership, or where it would be. */
static size_t place_in(const Model *model, const Member *key)
{
    size_t low = 0, high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_members(&model->members[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_at(const Model *model, size_t place, const Member *key)
{
    return place < model->count && compare_members(&model->members[place], key) == 0;
}

/* Sets the flags of a membership; 0 removes it. Returns 1 if that is a change. */
static size_t set_flags(Model *model, const Member *key, unsigned flags)
{
    size_t place = place_in(model, key);
    Member *at = &model->members[place];
    if (is_at(model, place, key)) {
        if (at->flags == flags)
            return 0;
        at->flags = flags;
        if (flags == 0) {
            memmove(at, at + 1, (model->count - place - 1) * sizeof *at);
            model->count--;
        }
        return 1;
    }
    if (flags == 0)
        return 0;
    CHECK(model->count < MODEL_MOST);
    memmove(at + 1, at, (model->count - place) * sizeof *at);
    *at = *key;
    at->flags = flags;
    model->count++;
    return 1;
}

/* A bulk change of the model. Returns the number of memberships that changed. */
static size_t change_model(Model *model, Change what, unsigned protocol, const Member *members,
                           size_t count)
{
    size_t changed = 0, n;
    for (n = 0; n < count; n++) {
        Member key = members[n];
        size_t place;
        unsigned before;
        key.protocol = protocol;
        place = place_in(model, &key);
        before = is_at(model, place, &key) ? model->members[place].flags : 0;
        changed += set_flags(model, &key,
                             what == JOINING ? before | key.flags : before & ~key.flags);
    }
    return changed;
}

/* The same for a replacement, by memberships with these flags. */
static size_t replace_model_with(Model *model, unsigned protocol, unsigned interface,
                                 const Member *members, size_t count, unsigned flags)
{
    size_t changed = 0, n, of;
    for (n = model->count; n > 0; n--) {
        Member at = model->members[n - 1];
        int stays = 0;
        if (at.protocol != protocol || at.interface != interface)
            continue;
        for (of = 0; of < count; of++)
            stays = stays || compare_joins(&at, &members[of]) == 0;
        if (!stays)
            changed += set_flags(model, &at, 0);
    }
    for (n = 0; n < count; n++) {
        Member key = members[n];
        unsigned kept = 0;
        size_t place;
        key.protocol = protocol;
        key.interface = interface;
        place = place_in(model, &key);
        if ((flags & GROUPSCAN_KEEP_FLAGS) != 0 && is_at(model, place, &key))
            kept = model->members[place].flags;
        changed += set_flags(model, &key, kept | (flags & BOTH));
    }
    return changed;
}

static size_t replace_model(Model *model, unsigned protocol, unsigned interface,
                            const Member *members, size_t count)
{
    return replace_model_with(model, protocol, interface, members, count, JOIN);
}

/* Changes a table and the model, and checks the outcome against the version before. */
static void change_both(groupscan_table *table, int six, Model *model, Change what,
                        unsigned protocol, const Member *members, size_t count)
{
    uint64_t before = version_of(table);
    size_t changed = change_model(model, what, protocol, members, count);
    OK(change(table, six, what, protocol, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void update_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                        const Member *members, size_t leave_count, size_t join_count)
{
    uint64_t before = version_of(table);
    size_t changed = change_model(model, LEAVING, protocol, members, leave_count);
    changed += change_model(model, JOINING, protocol, members + leave_count, join_count);
    OK(update(table, six, protocol, members, leave_count, join_count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void replace_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                         unsigned interface, const Member *members, size_t count)
{
    uint64_t before = version_of(table);
    size_t changed = replace_model(model, protocol, interface, members, count);
    OK(replace(table, six, protocol, interface, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void leave_all_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                           unsigned interface)
{
    uint64_t before = version_of(table);
    size_t changed = replace_model(model, protocol, interface, NULL, 0);
    OK(leave_all(table, six, protocol, interface, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

/* Records as in a buffer. */
typedef struct Records {
    size_t record_bytes;
    size_t count;
    uint8_t bytes[MODEL_MOST * sizeof(groupscan_membership_entry6)];
} Records;

static void begin_records(Records *records, size_t record_bytes)
{
    records->record_bytes = record_bytes;
    records->count = 0;
}

static uint8_t *next_record(Records *records)
{
    CHECK(records->count < MODEL_MOST);
    return records->bytes + records->record_bytes * records->count++;
}

static const uint8_t *record(const Records *records, size_t place)
{
    return records->bytes + records->record_bytes * place;
}

/* The record of a join, with which that of a membership begins. */
static void put_join(int six, unsigned group, unsigned source, uint8_t *at)
{
    size_t bytes = width(six);
    put_address(six, SOURCE, source, at);
    memset(at + bytes, source == 0 ? 0 : 0xff, bytes);
    put_address(six, GROUP, group, at + 2 * bytes);
    memset(at + 3 * bytes, group == 0 ? 0 : 0xff, bytes);
}

static void put_membership(int six, const Member *of, uint8_t *at)
{
    groupscan_membership_entry4 entry4;
    groupscan_membership_entry6 entry6;
    memset(&entry4, 0, sizeof entry4);
    memset(&entry6, 0, sizeof entry6);
    memcpy(entry4.next_hop, interface4_of(of->interface).next_hop, 4);
    memcpy(entry6.next_hop, interface6_of(of->interface).next_hop, 16);
    entry4.interface_index = entry6.interface_index = interface4_of(of->interface).index;
    entry4.protocol = entry6.protocol = of->protocol;
    entry4.flags = entry6.flags = of->flags;
    memcpy(at, six ? (void *)&entry6 : (void *)&entry4, six ? sizeof entry6 : sizeof entry4);
    put_join(six, of->group, of->source, at);
}

static int has_prefix(int six, Kind kind, unsigned number, unsigned of, unsigned length)
{
    uint8_t cut[16], prefix[16];
    put_prefix(six, kind, number, length, cut);
    put_prefix(six, kind, of, length, prefix);
    return memcmp(cut, prefix, width(six)) == 0;
}

static int admits(int six, const Narrow *narrow, const Member *of)
{
    return has_prefix(six, GROUP, of->group, narrow->group, narrow->group_length) &&
           (narrow->source_length == 0 ||
            (of->source != 0 &&
             has_prefix(six, SOURCE, of->source, narrow->source, narrow->source_length)));
}

/* Whether a view shows a join that the filter admits, given the previous join and the last one shown. */
static int shows(unsigned view, const Member *of, const Member *before, const Member *shown)
{
    if (before != NULL && compare_joins(before, of) == 0)
        return 0;
    switch (view) {
    case GROUPSCAN_VIEW_ONE_PER_GROUP:
        return of->source != 0 && (shown == NULL || shown->group != of->group);
    case GROUPSCAN_VIEW_SOURCE_SPECIFIC:
        return of->source != 0;
    case GROUPSCAN_VIEW_ANY_SOURCE:
        return of->source == 0;
    case GROUPSCAN_VIEW_GROUPS:
        return shown == NULL || shown->group != of->group;
    default:
        return 1;
    }
}

/* The same for all memberships in an order, from the start or behind a membership. */
static void expect_all_behind(const Model *model, int six, const Walk *walk, const Member *position,
                              Records *expected)
{
    int by_group = walk->view == VIEW_BY_GROUP || walk->narrow.interface != NO_INTERFACE;
    unsigned interface, passes = by_group ? 1 : INTERFACES_MOST;
    size_t n;
    begin_records(expected, record_bytes_of(six, walk));
    for (interface = 0; interface < passes; interface++) {
        for (n = 0; n < model->count; n++) {
            const Member *at = &model->members[n];
            int behind = 1;
            CHECK(at->interface < INTERFACES_MOST);
            if (position != NULL)
                behind = by_group ? compare_members(at, position)
                                  : compare_by_interface(at, position);
            if (behind > 0 && (by_group || at->interface == interface) &&
                (walk->narrow.interface == NO_INTERFACE ||
                 at->interface == (unsigned)walk->narrow.interface) &&
                admits(six, &walk->narrow, at))
                put_membership(six, at, next_record(expected));
        }
    }
}

/* The records of a walk by the model, from the start or behind a (group, source, protocol). */
static void expect_behind(const Model *model, int six, const Walk *walk, const Member *position,
                          Records *expected)
{
    const Member *before = NULL, *shown = NULL;
    size_t n;
    if (is_of_all_memberships(walk)) {
        expect_all_behind(model, six, walk, position, expected);
        return;
    }
    begin_records(expected, record_bytes_of(six, walk));
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        int behind = position == NULL ? 1 : compare_joins(at, position);
        if (!admits(six, &walk->narrow, at))
            continue;
        if (walk->view == VIEW_MEMBERSHIPS) {
            if (behind == 0 && at->protocol > position->protocol)
                behind = 1;
            if (at->interface == walk->interface && behind > 0)
                put_membership(six, at, next_record(expected));
            continue;
        }
        if (!(at->flags & JOIN) || (walk->narrow.interface != NO_INTERFACE &&
                                    at->interface != (unsigned)walk->narrow.interface))
            continue;
        if (shows(walk->view, at, before, shown)) {
            unsigned source = walk->view == GROUPSCAN_VIEW_GROUPS ? 0 : at->source;
            if (behind > 0)
                put_join(six, at->group, source, next_record(expected));
            shown = at;
        }
        before = at;
    }
}

static void expect(const Model *model, int six, const Walk *walk, Records *expected)
{
    expect_behind(model, six, walk, NULL, expected);
}

/* ---- Reading ---- */

/* Checks the number of remaining records: exactly, or as an upper bound if the walk skips records. */
static void check_remaining(const groupscan_enumeration *enumeration, size_t count)
{
    size_t remaining = NOWHERE;
    bool exact = false;
    OK(groupscan_enumeration_remaining(enumeration, &remaining, &exact));
    if (exact)
        CHECK_EQ(remaining, count);
    CHECK(remaining >= count && remaining != NOWHERE);
    CHECK((remaining == 0) == (count == 0));
}

/* Checks that a call returns no records, and that none remain. */
static void check_end(groupscan_enumeration *enumeration)
{
    static const size_t sizes[] = {0, 1, 15, 16, 64, 400};
    size_t n;
    for (n = 0; n < COUNT(sizes); n++) {
        size_t count = NOWHERE;
        bool more = true;
        forget_results();
        OK(groupscan_enumeration_next(enumeration, results.buffer, sizes[n], &count, &more));
        CHECK_EQ(count, 0);
        CHECK(!more);
        CHECK(is_untouched(results.buffer, sizeof results.buffer));
        OK(groupscan_enumeration_next(enumeration, NULL, sizes[n], &count, NULL));
        CHECK_EQ(count, 0);
    }
    check_remaining(enumeration, 0);
}

/* Checks that exactly these records remain, from an index on, with some number of records a call. */
static void check_rest(groupscan_enumeration *enumeration, const Records *expected,
                       size_t from, size_t a_call)
{
    size_t bytes = expected->record_bytes;
    uint8_t *memory = (uint8_t *)memory_of(a_call * bytes + 2);
    bool more;
    do {
        size_t left = expected->count - from, count = NOWHERE;
        check_remaining(enumeration, left);
        more = left == 0;
        OK(groupscan_enumeration_next(enumeration, memory + 1, a_call * bytes + 1, &count, &more));
        CHECK_EQ(count, left < a_call ? left : a_call);
        CHECK(memcmp(memory + 1, record(expected, from), count * bytes) == 0);
        from += count;
        CHECK_EQ(more, from < expected->count);
    } while (more);
    check_end(enumeration);
    free(memory);
}

/* Reads `count` records, which must exist. */
static void skip(groupscan_enumeration *enumeration, const Records *expected, size_t count)
{
    size_t bytes = count * expected->record_bytes, got = NOWHERE;
    uint8_t *memory;
    if (count == 0)
        return;
    memory = (uint8_t *)memory_of(bytes);
    OK(groupscan_enumeration_next(enumeration, memory, bytes, &got, NULL));
    CHECK_EQ(got, count);
    CHECK(memcmp(memory, expected->bytes, bytes) == 0);
    free(memory);
}

static Records expected;

static void check_walk(const groupscan_snapshot *snapshot, int six, const Model *model,
                       const Walk *walk, size_t a_call)
{
    groupscan_enumeration *enumeration = started(snapshot, six, walk);
    bool exact = false;
    size_t remaining;
    expect(model, six, walk, &expected);
    OK(groupscan_enumeration_remaining(enumeration, &remaining, &exact));
    if (expected.count > 0)
        CHECK_EQ(exact, is_counted(walk));
    check_rest(enumeration, &expected, 0, a_call);
    groupscan_enumeration_destroy(enumeration);
}

/* ---- Some memberships ---- */

#define INTERFACES 5
#define PROTOCOLS 3

/* A group with an odd last byte, and one of the next block of 256. */
#define SOME_GROUP 7
#define FAR_GROUP (256 + 4)
#define ABSENT_GROUP 77
#define ABSENT_INTERFACE 12

/* (*,G), (S,G) and both, on some interfaces, by some protocols, with all flags. */
static void put_some(Model *model)
{
    static const unsigned groups[] = {0,   1,   2,   4,         SOME_GROUP, 9,
                                      200, 255, 256, FAR_GROUP, 600,        65000};
    static const unsigned sources[] = {0, 3, 5, 256 + 1, 256 + 3};
    unsigned group, source, n = 0;
    model->count = 0;
    for (group = 0; group < COUNT(groups); group++) {
        for (source = 0; source < COUNT(sources); source++) {
            unsigned times = (group * 3 + source * 5) % 4;
            if (groups[group] == 0 && source > 0)
                break;
            for (times += groups[group] == SOME_GROUP; times > 0; times--, n++) {
                Member key = member(groups[group], sources[source], n % INTERFACES, 0);
                key.protocol = 10 + n % PROTOCOLS;
                set_flags(model, &key, n % 11 == 3 ? FORWARD : n % 3 == 0 ? BOTH : JOIN);
            }
        }
    }
}

/* Joins the memberships of the model, protocol by protocol. */
static void join_model(groupscan_table *table, int six, const Model *model)
{
    static Member members[MODEL_MOST];
    unsigned protocol;
    for (protocol = 10; protocol < 10 + PROTOCOLS; protocol++) {
        size_t count = 0, n;
        /* Out of order, so that the table has to sort. */
        for (n = 0; n < model->count; n++) {
            const Member *at = &model->members[model->count - 1 - n];
            if (at->protocol == protocol)
                members[count++] = *at;
        }
        OK(change(table, six, JOINING, protocol, members, count, &outcome));
        CHECK_EQ(outcome.changed, count);
    }
}

static Model some;

/* A table with some memberships, those of the model `some`. */
static groupscan_table *table_of_some(int six)
{
    groupscan_table *table = new_table();
    put_some(&some);
    join_model(table, six, &some);
    return table;
}

static groupscan_snapshot *snapshot_of_some(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    groupscan_table_destroy(table);
    return snapshot;
}

#define NARROWS 14

/* The filters of enumerations of some memberships: each field alone, and together. */
static void put_narrows(int six, Narrow narrows[NARROWS])
{
    unsigned half = six ? 64 : 24, n;
    for (n = 0; n < NARROWS; n++)
        narrows[n] = to_everything();
    narrows[1].group_length = half;
    narrows[1].group = 1;
    narrows[2].group_length = half;
    narrows[2].group = FAR_GROUP;
    narrows[3].group_length = bits(six);
    narrows[3].group = SOME_GROUP;
    narrows[4].group_length = bits(six);
    narrows[4].group = ABSENT_GROUP;
    narrows[5].source_length = half;
    narrows[5].source = 3;
    narrows[6].source_length = bits(six);
    narrows[6].source = 256 + 3;
    narrows[7].source_length = bits(six);
    narrows[7].source = ABSENT_GROUP;
    narrows[8].interface = 0;
    narrows[9].interface = 3;
    narrows[10].interface = ABSENT_INTERFACE;
    narrows[11] = narrows[1];
    narrows[11].interface = 1;
    narrows[12] = narrows[5];
    narrows[12].interface = 2;
    narrows[13] = narrows[12];
    narrows[13].group_length = half;
    narrows[13].group = FAR_GROUP;
}

#define WALKS ((VIEWS + INTERFACES + 3) * NARROWS)

/* Each view, the memberships of each interface and of a missing one, and all memberships in both orders, with
 * each filter. */
static void put_walks(int six, Walk walks[WALKS])
{
    Narrow narrows[NARROWS];
    unsigned of, n, count = 0;
    put_narrows(six, narrows);
    for (n = 0; n < NARROWS; n++) {
        for (of = 0; of < VIEWS; of++)
            walks[count++] = walk_of(of);
        for (of = 0; of <= INTERFACES; of++)
            walks[count++] = memberships_of(of < INTERFACES ? of : ABSENT_INTERFACE);
        walks[count++] = walk_of(VIEW_BY_GROUP);
        walks[count++] = walk_of(VIEW_BY_INTERFACE);
        for (of = count - WALKS / NARROWS; of < count; of++)
            walks[of].narrow = narrows[n];
    }
}
