/* Cases: enumerations. A part of native.c. */

static void records_are_in_network_byte_order(void)
{
    static const uint8_t expected4[] = {10,  7,   0, 9, 255, 255, 255, 255, 239, 1, 1,
                                        2,   255, 255, 255, 255, 192, 168, 0,   3, 2, 0,
                                        0,   0,   77,  0,   0,   0,   3,   0,   0, 0};
    groupscan_membership_entry4 entry4;
    groupscan_membership_entry6 entry6;
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Member one = member(256 + 2, 9, 3, BOTH);
    Walk walk = memberships_of(3);
    uint8_t all_ones[16];
    uint32_t first_byte = 0;
    int six;
    memset(all_ones, 0xff, sizeof all_ones);
    memcpy(&first_byte, expected4 + 20, sizeof first_byte);
    for (six = 0; six <= 1; six++)
        OK(change(table, six, JOINING, 77, &one, 1, NULL));
    snapshot = taken(table);
    for (six = 0; six <= 1; six++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walk);
        size_t count = 0;
        OK(groupscan_enumeration_next(enumeration, six ? (void *)&entry6 : (void *)&entry4,
                                      record_bytes_of(six, &walk), &count, NULL));
        CHECK_EQ(count, 1);
        groupscan_enumeration_destroy(enumeration);
    }
    CHECK(memcmp(&entry4, expected4, 20) == 0);
    /* Numbers are in host byte order. */
    CHECK(first_byte != 2 || memcmp(&entry4, expected4, sizeof entry4) == 0);
    CHECK_EQ(entry4.interface_index, 2);
    CHECK_EQ(entry4.protocol, 77);
    CHECK_EQ(entry4.flags, BOTH);
    CHECK_EQ(entry6.entry.source[0], 0x20);
    CHECK_EQ(entry6.entry.source[15], 9);
    CHECK(memcmp(entry6.entry.source_mask, all_ones, 16) == 0);
    CHECK_EQ(entry6.entry.group[0], 0xff);
    CHECK_EQ(entry6.entry.group[7], 1);
    CHECK_EQ(entry6.entry.group[15], 2);
    CHECK(memcmp(entry6.entry.group_mask, all_ones, 16) == 0);
    CHECK_EQ(entry6.next_hop[0], 0xfe);
    CHECK_EQ(entry6.next_hop[15], 3);
    CHECK_EQ(entry6.interface_index, 2);
    CHECK_EQ(entry6.protocol, 77);
    CHECK_EQ(entry6.flags, BOTH);
    CHECK_EQ(entry6.reserved, 0);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void prefixes_of_every_length(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    unsigned length, step = quick ? 7 : 1, view;
    for (length = 0; length <= bits(six); length += step) {
        for (view = 0; view <= VIEWS; view++) {
            Walk walk = walk_of(view);
            walk.narrow.group = FAR_GROUP;
            walk.narrow.group_length = length;
            check_walk(snapshot, six, &some, &walk, 5);
            walk.narrow.group_length = 0;
            walk.narrow.source = 256 + 3;
            walk.narrow.source_length = length;
            check_walk(snapshot, six, &some, &walk, 5);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static groupscan_status enumerate_by_filter(const groupscan_snapshot *snapshot, int six,
                                            groupscan_filter4 *filter4, groupscan_filter6 *filter6)
{
    if (six)
        return groupscan_snapshot_enumerate6(snapshot, 0, filter6, &results.enumeration);
    return groupscan_snapshot_enumerate4(snapshot, 0, filter4, &results.enumeration);
}

static groupscan_status enumerate_memberships_by_filter(const groupscan_snapshot *snapshot, int six,
                                                        groupscan_filter4 *filter4,
                                                        groupscan_filter6 *filter6)
{
    groupscan_interface4 on4 = interface4_of(0);
    groupscan_interface6 on6 = interface6_of(0);
    if (six)
        return groupscan_snapshot_enumerate_memberships6(snapshot, &on6, filter6,
                                                         &results.enumeration);
    return groupscan_snapshot_enumerate_memberships4(snapshot, &on4, filter4, &results.enumeration);
}

static void prefixes_and_views_are_checked(int six)
{
    static const unsigned bad_views[] = {VIEWS, 255, 256, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    unsigned bad_lengths[5], length, n, of;
    bad_lengths[0] = bits(six) + 1;
    bad_lengths[1] = 255;
    bad_lengths[2] = 256;
    bad_lengths[3] = 256 + bits(six) / 2;
    bad_lengths[4] = 0xffffffffu;
    for (n = 0; n < COUNT(bad_views); n++)
        REFUSED(enumerate(snapshot, six, bad_views[n], NULL, &results.enumeration), INVALID_VIEW);
    /* For each length, an address with the first bit beyond it set. */
    for (of = 0; of < 2; of++) {
        for (length = 0; length < bits(six) + COUNT(bad_lengths); length++) {
            groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
            groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
            groupscan_prefix4 *prefix4 = of == 0 ? &filter4.group : &filter4.source;
            groupscan_prefix6 *prefix6 = of == 0 ? &filter6.group : &filter6.source;
            uint8_t *address = six ? prefix6->address : prefix4->address;
            if (length < bits(six)) {
                prefix4->length = prefix6->length = length;
                address[length / 8] = (uint8_t)(0x80 >> length % 8);
            } else {
                prefix4->length = prefix6->length = bad_lengths[length - bits(six)];
            }
            REFUSED(enumerate_by_filter(snapshot, six, &filter4, &filter6), INVALID_PREFIX);
            REFUSED(enumerate_memberships_by_filter(snapshot, six, &filter4, &filter6),
                    INVALID_PREFIX);
            if (length >= bits(six))
                continue;
            /* A length of one bit more is valid. */
            prefix4->length = prefix6->length = length + 1;
            OK(enumerate_by_filter(snapshot, six, &filter4, &filter6));
            groupscan_enumeration_destroy(results.enumeration);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

/* Reserved values must be as the header says. */
static void fields_of_filters_are_checked(int six)
{
    static const uint32_t bad[] = {2, 0x100, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    size_t n;
    for (n = 0; n < COUNT(bad); n++) {
        groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
        groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
        filter4.has_interface = filter6.has_interface = bad[n];
        REFUSED(enumerate_by_filter(snapshot, six, &filter4, &filter6), UNKNOWN_OPTION);
        REFUSED(enumerate_memberships_by_filter(snapshot, six, &filter4, &filter6), UNKNOWN_OPTION);
        filter4.has_interface = 0;
        filter4.reserved = bad[n];
        REFUSED(enumerate_by_filter(snapshot, 0, &filter4, NULL), UNKNOWN_OPTION);
        REFUSED(enumerate_memberships_by_filter(snapshot, 0, &filter4, NULL), UNKNOWN_OPTION);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* With one size and one offset of the buffer: the records, and the memory that must not change. */
static void check_buffer(groupscan_enumeration *enumeration, size_t from, size_t bytes,
                         size_t offset)
{
    static uint8_t memory[64 + 700 + 100];
    size_t record_bytes = expected.record_bytes, fitting = bytes / record_bytes;
    size_t left = expected.count - from, given = fitting < left ? fitting : left, count = NOWHERE;
    bool more = given == left;
    memset(memory, CANARY, sizeof memory);
    CHECK(offset + bytes + 100 <= sizeof memory);
    if (given == 0 && left > 0) {
        forget_results();
        CHECK_EQ(groupscan_enumeration_next(enumeration, memory + offset, bytes, &results.number,
                                            &results.is_so),
                 BUFFER_TOO_SMALL);
        CHECK(is_untouched(&results, sizeof results));
    } else {
        OK(groupscan_enumeration_next(enumeration, memory + offset, bytes, &count, &more));
        CHECK_EQ(count, given);
        CHECK_EQ(more, given < left);
    }
    CHECK(memcmp(memory + offset, record(&expected, from), given * record_bytes) == 0);
    CHECK(is_untouched(memory, offset));
    CHECK(is_untouched(memory + offset + fitting * record_bytes,
                       sizeof memory - offset - fitting * record_bytes));
    check_remaining(enumeration, left - given);
}

#define SOME_WALKS 12

/* Walks of each kind, with views and filters that skip records and with those that do not. */
static size_t put_some_walks(int six, Walk walks[SOME_WALKS])
{
    Narrow narrows[NARROWS];
    size_t count = 0;
    unsigned view;
    put_narrows(six, narrows);
    for (view = 0; view < VIEWS; view++)
        walks[count++] = walk_of(view);
    walks[count] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[count++].narrow = narrows[12];
    walks[count++] = memberships_of(1);
    walks[count] = memberships_of(2);
    walks[count++].narrow = narrows[5];
    for (view = VIEW_BY_GROUP; view <= VIEW_BY_INTERFACE; view++) {
        walks[count++] = walk_of(view);
        walks[count] = walk_of(view);
        walks[count++].narrow = narrows[view == VIEW_BY_GROUP ? 5 : 1];
    }
    CHECK_EQ(count, SOME_WALKS);
    return count;
}

static void every_size_and_alignment_of_buffer(int six)
{
    static const size_t walks_to_take[] = {0, 2, 4, 6, 8, 10};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t of, bytes, offset, step = quick ? 9 : 1;
    put_some_walks(six, walks);
    for (of = 0; of < COUNT(walks_to_take); of++) {
        const Walk *walk = &walks[walks_to_take[of]];
        size_t most = record_bytes_of(six, walk) * 2 + 110;
        expect(&some, six, walk, &expected);
        for (bytes = 0; bytes <= most; bytes += step) {
            for (offset = 0; offset < 64; offset += 2 * step - 1) {
                groupscan_enumeration *enumeration = started(snapshot, six, walk);
                check_buffer(enumeration, 0, bytes, offset);
                groupscan_enumeration_destroy(enumeration);
            }
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static void a_buffer_that_is_too_small_leaves_everything_in_place(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t count = put_some_walks(six, walks), of, from, bytes;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from < expected.count; from++) {
            for (bytes = 0; bytes < expected.record_bytes; bytes += 1 + from)
                check_buffer(enumeration, from, bytes, from % 5);
            check_buffer(enumeration, from, expected.record_bytes + from % 3, from % 5);
        }
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* The rest of each walk, from every index, into a buffer of exactly its size or more. */
static void an_exact_rest_reports_that_none_remain(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t count = put_some_walks(six, walks), of, from, extra;
    for (of = 0; of < count; of++) {
        expect(&some, six, &walks[of], &expected);
        CHECK(expected.count > 2);
        for (from = 0; from < expected.count; from++) {
            for (extra = 0; extra < 2; extra++) {
                size_t rest = expected.count - from, got = NOWHERE;
                uint8_t *memory = (uint8_t *)memory_of((rest + extra) * expected.record_bytes);
                groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
                bool more = true;
                skip(enumeration, &expected, from);
                OK(groupscan_enumeration_next(enumeration, memory,
                                              (rest + extra) * expected.record_bytes, &got, &more));
                CHECK_EQ(got, rest);
                CHECK(!more);
                CHECK(memcmp(memory, record(&expected, from), rest * expected.record_bytes) == 0);
                check_end(enumeration);
                groupscan_enumeration_destroy(enumeration);
                free(memory);
            }
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static groupscan_position position_of(const groupscan_enumeration *enumeration)
{
    groupscan_position position;
    memset(&position, CANARY, sizeof position);
    OK(groupscan_enumeration_position(enumeration, &position));
    return position;
}

/* The position behind a join, or of an enumeration of an interface behind its membership of a protocol. */
static groupscan_position position_behind(int six, const Member *of, int with_protocol)
{
    groupscan_position position;
    memset(&position, 0, sizeof position);
    put_address(six, GROUP, of->group, position.group);
    put_address(six, SOURCE, of->source, position.source);
    position.family = six ? GROUPSCAN_IPV6 : GROUPSCAN_IPV4;
    position.has_protocol = (uint32_t)with_protocol;
    position.protocol = with_protocol ? of->protocol : 0;
    return position;
}

/* The position behind a membership. */
static groupscan_position position_behind_membership(int six, const Member *of)
{
    groupscan_position position = position_behind(six, of, 1);
    position.has_interface = 1;
    position.interface_index = interface4_of(of->interface).index;
    if (six)
        memcpy(position.next_hop, interface6_of(of->interface).next_hop, 16);
    else
        memcpy(position.next_hop, interface4_of(of->interface).next_hop, 4);
    return position;
}

static void check_position(const groupscan_enumeration *enumeration, groupscan_position position)
{
    groupscan_position got = position_of(enumeration);
    CHECK(memcmp(&got, &position, sizeof got) == 0);
}

static void positions_name_what_was_given(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk joins = walk_of(GROUPSCAN_VIEW_ALL_SOURCES), memberships = memberships_of(1);
    groupscan_enumeration *of_joins = started(snapshot, six, &joins);
    groupscan_enumeration *of_memberships = started(snapshot, six, &memberships);
    const Member *before = NULL;
    groupscan_position start;
    size_t n, count;
    memset(&start, 0, sizeof start);
    check_position(of_joins, start);
    check_position(of_memberships, start);
    for (n = 0; n < some.count; n++) {
        const Member *at = &some.members[n];
        if (at->interface == 1) {
            OK(groupscan_enumeration_next(of_memberships, results.buffer, six ? 96 : 32, &count,
                                          NULL));
            check_position(of_memberships, position_behind_membership(six, at));
        }
        if (!(at->flags & JOIN) || (before != NULL && compare_joins(before, at) == 0))
            continue;
        OK(groupscan_enumeration_next(of_joins, results.buffer, six ? 64 : 16, &count, NULL));
        check_position(of_joins, position_behind(six, at, 0));
        before = at;
    }
    check_end(of_joins);
    check_end(of_memberships);
    groupscan_enumeration_destroy(of_joins);
    groupscan_enumeration_destroy(of_memberships);
    groupscan_snapshot_destroy(snapshot);
}

/* An enumeration that skips records is behind those that it has skipped, up to the next one shown. */
static void positions_count_what_was_passed_over(int six)
{
    static const unsigned behind[] = {2, 4, 5};
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    Walk walk = walk_of(GROUPSCAN_VIEW_SOURCE_SPECIFIC);
    Member members[5];
    unsigned n;
    for (n = 0; n < 5; n++)
        members[n] = member(n + 1, n == 2 || n == 4 ? 3 : 0, 0, JOIN);
    OK(change(table, six, JOINING, 1, members, 5, NULL));
    snapshot = taken(table);
    enumeration = started(snapshot, six, &walk);
    for (n = 0; n < COUNT(behind); n++) {
        size_t count = NOWHERE;
        check_position(enumeration, position_behind(six, &members[behind[n] - 1], 0));
        OK(groupscan_enumeration_next(enumeration, results.buffer, six ? 64 : 16, &count, NULL));
        CHECK_EQ(count, n < 2);
    }
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* From each index of each walk, in another enumeration of the version, at any position. */
static void an_enumeration_resumes_where_another_stopped(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t count = put_some_walks(six, walks), of, from;
    for (of = 0; of < count; of++) {
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from <= expected.count; from++) {
            groupscan_enumeration *stopped = started(snapshot, six, &walks[of]);
            groupscan_enumeration *other = started(snapshot, six, &walks[of]);
            groupscan_position position;
            skip(stopped, &expected, from);
            position = position_of(stopped);
            skip(other, &expected, from * 7 % (expected.count + 1));
            OK(groupscan_enumeration_resume_after(other, &position));
            check_rest(other, &expected, from, 3);
            /* Also from its end, and in itself. */
            OK(groupscan_enumeration_resume_after(other, &position));
            check_remaining(other, expected.count - from);
            OK(groupscan_enumeration_resume_after(stopped, &position));
            check_rest(stopped, &expected, from, 4);
            groupscan_enumeration_destroy(stopped);
            groupscan_enumeration_destroy(other);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

/* Behind existing and missing records, in a version without earlier enumerations. */
static void an_enumeration_resumes_in_another_version(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *before = taken(table), *after;
    Model model = some;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    groupscan_enumeration *stopped = started(before, six, &walk), *resumed;
    groupscan_position position;
    Member keys[4];
    unsigned view;
    size_t n, last;
    expect(&some, six, &walk, &expected);
    skip(stopped, &expected, expected.count / 2);
    position = position_of(stopped);
    /* It continues behind a record that is gone and whose neighbours are new. */
    for (last = 0; last < some.count; last++) {
        groupscan_position of = position_behind(six, &some.members[last], 0);
        if (memcmp(&of, &position, sizeof of) == 0)
            break;
    }
    CHECK(last < some.count);
    for (n = 0; n < some.count; n++) {
        Member *at = &some.members[n];
        Member near_by = member(at->group, at->source + 1, 1, JOIN);
        if (n % 3 == 0)
            change_both(table, six, &model, JOINING, 11, &near_by, 1);
        if (n % 4 == 1 || compare_joins(at, &some.members[last]) == 0)
            change_both(table, six, &model, LEAVING, at->protocol, at, 1);
    }
    after = taken(table);
    CHECK(!is_joined(after, six, some.members[last].group, some.members[last].source));
    resumed = started(after, six, &walk);
    expect_behind(&model, six, &walk, &some.members[last], &expected);
    OK(groupscan_enumeration_resume_after(resumed, &position));
    check_rest(resumed, &expected, 0, 3);
    groupscan_enumeration_destroy(resumed);

    /* Positions made by the caller. */
    keys[0] = member(0, 0, 0, 0);
    keys[1] = member(SOME_GROUP, 4, 0, 0);
    keys[2] = some.members[some.count / 3];
    keys[3] = member(65535, 65535, 0, 0);
    for (n = 0; n < COUNT(keys); n++) {
        position = position_behind(six, &keys[n], 0);
        for (view = 0; view < VIEWS; view++) {
            Member behind = keys[n];
            walk = walk_of(view);
            resumed = started(after, six, &walk);
            OK(groupscan_enumeration_resume_after(resumed, &position));
            /* If a group is shown once, all of the position's group is passed. */
            if (view == GROUPSCAN_VIEW_GROUPS || view == GROUPSCAN_VIEW_ONE_PER_GROUP)
                behind.source = 65536;
            expect_behind(&model, six, &walk, &behind, &expected);
            check_rest(resumed, &expected, 0, 3);
            groupscan_enumeration_destroy(resumed);
        }
    }
    groupscan_enumeration_destroy(stopped);
    groupscan_snapshot_destroy(before);
    groupscan_snapshot_destroy(after);
    groupscan_table_destroy(table);
}

/* Behind each membership of a join that several protocols have, and behind all of them. */
static void positions_among_memberships_count_protocols(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    Walk walk = memberships_of(2);
    Model model;
    unsigned group, protocol, with_protocol;
    model.count = 0;
    for (group = 1; group <= 3; group++) {
        for (protocol = 3; protocol <= 9; protocol += 3) {
            Member one = member(group, 3, 2, protocol == 6 ? FORWARD : JOIN);
            change_both(table, six, &model, JOINING, protocol, &one, 1);
        }
    }
    snapshot = taken(table);
    enumeration = started(snapshot, six, &walk);
    for (protocol = 0; protocol <= 12; protocol++) {
        for (with_protocol = 0; with_protocol <= 2; with_protocol++) {
            Member behind = member(2, 3, 0, 0);
            groupscan_position position;
            behind.protocol = protocol;
            position = position_behind(six, &behind, (int)with_protocol);
            /* Without has_protocol the protocol is ignored. */
            position.protocol = protocol;
            if (with_protocol == 0)
                behind.protocol = UINT_MAX;
            OK(groupscan_enumeration_resume_after(enumeration, &position));
            expect_behind(&model, six, &walk, &behind, &expected);
            CHECK(expected.count >= 3);
            check_rest(enumeration, &expected, 0, 2);
        }
    }
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* Walks in an order by the positions behind memberships, whether or not they exist. */
static void check_positions_in(const groupscan_snapshot *snapshot, int six, unsigned view)
{
    Walk walk = walk_of(view);
    groupscan_enumeration *enumeration = started(snapshot, six, &walk);
    groupscan_enumeration *resumed = started(snapshot, six, &walk);
    size_t n, count;
    unsigned what;
    /* The members in the order of the walk, and what it shows. */
    Member members[2 * 64];
    size_t there_are = 0;
    unsigned interface;
    CHECK(some.count <= COUNT(members));
    for (interface = 0; interface < INTERFACES; interface++)
        for (n = 0; n < some.count; n++)
            if (view == VIEW_BY_GROUP ? interface == 0 : some.members[n].interface == interface)
                members[there_are++] = some.members[n];
    CHECK_EQ(there_are, some.count);
    for (n = 0; n < there_are; n++) {
        for (what = 0; what < 7; what++) {
            groupscan_position position;
            Member behind = members[n];
            behind.group += what == 1;
            behind.source += what == 2;
            behind.interface += what == 3;
            behind.protocol += what == 4;
            position = position_behind_membership(six, &behind);
            if (what >= 5) {
                /* Behind all protocols. Numbers without their flags are ignored, and flags are 0 or not 0. */
                position.has_protocol = 0;
                behind.protocol = UINT_MAX;
                position.has_interface = 77;
            }
            if (what == 6) {
                /* Behind the join, which has no place of its own by interface. */
                position.has_interface = 0;
                behind.interface = UINT_MAX;
            }
            OK(groupscan_enumeration_resume_after(resumed, &position));
            expect_all_behind(&some, six, &walk,
                              what == 6 && view == VIEW_BY_INTERFACE ? NULL : &behind, &expected);
            check_rest(resumed, &expected, 0, 9);
        }
        OK(groupscan_enumeration_next(enumeration, results.buffer, six ? 96 : 32, &count, NULL));
        CHECK_EQ(count, 1);
        check_position(enumeration, position_behind_membership(six, &members[n]));
    }
    check_end(enumeration);
    groupscan_enumeration_destroy(enumeration);
    groupscan_enumeration_destroy(resumed);
}

static void positions_among_all_memberships_name_interfaces(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    check_positions_in(snapshot, six, VIEW_BY_GROUP);
    check_positions_in(snapshot, six, VIEW_BY_INTERFACE);
    groupscan_snapshot_destroy(snapshot);
}

/* An interface of the filter makes it the enumeration of that interface, in either order. */
static void all_memberships_may_be_those_of_an_interface(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    unsigned interface, view;
    for (interface = 0; interface < INTERFACES; interface++) {
        Walk on = memberships_of(interface);
        expect(&some, six, &on, &expected);
        CHECK(expected.count > 3);
        for (view = VIEW_BY_GROUP; view <= VIEW_BY_INTERFACE; view++) {
            Walk walk = walk_of(view);
            groupscan_enumeration *enumeration;
            walk.narrow.interface = (int)interface;
            enumeration = started(snapshot, six, &walk);
            check_rest(enumeration, &expected, 0, 4);
            groupscan_enumeration_destroy(enumeration);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static void positions_are_checked(int six)
{
    static const uint32_t bad_families[] = {1, 5, 7, 0x100, 0x104, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t count = put_some_walks(six, walks), of, n;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        groupscan_position position = position_behind(six, &some.members[20], 0);
        expect(&some, six, &walks[of], &expected);
        skip(enumeration, &expected, 2);
        for (n = 0; n <= COUNT(bad_families); n++) {
            uint32_t other = six ? GROUPSCAN_IPV4 : GROUPSCAN_IPV6;
            position.family = n < COUNT(bad_families) ? bad_families[n] : other;
            REFUSED(groupscan_enumeration_resume_after(enumeration, &position), INVALID_FAMILY);
        }
        check_rest(enumeration, &expected, 2, 4);
        /* The family 0 is the place before all records, whatever the other fields are. */
        position.family = 0;
        OK(groupscan_enumeration_resume_after(enumeration, &position));
        check_rest(enumeration, &expected, 0, 4);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* Checks that the whole continues where a part starts or ends. */
static void check_position_of_part(const groupscan_enumeration *part,
                                   groupscan_enumeration *whole, size_t from)
{
    groupscan_position position = position_of(part);
    OK(groupscan_enumeration_resume_after(whole, &position));
    check_rest(whole, &expected, from, 7);
}

/* Checks that parts, one after the other, return the rest from an index on, and have about equal size. */
static void check_parts(groupscan_enumeration **parts, size_t count, groupscan_enumeration *whole,
                        size_t from, int is_even)
{
    size_t bytes = expected.record_bytes, rest = expected.count - from, n;
    uint8_t *memory = (uint8_t *)memory_of(rest * bytes + 1);
    for (n = 0; n < count; n++) {
        size_t got = NOWHERE, remaining = NOWHERE;
        bool more = true;
        OK(groupscan_enumeration_remaining(parts[n], &remaining, NULL));
        check_position_of_part(parts[n], whole, from);
        OK(groupscan_enumeration_next(parts[n], memory, rest * bytes, &got, &more));
        CHECK(!more);
        CHECK(got <= expected.count - from);
        CHECK(memcmp(memory, record(&expected, from), got * bytes) == 0);
        if (is_even) {
            CHECK_EQ(remaining, got);
            CHECK(got == rest / count || got == rest / count + 1);
        }
        from += got;
        check_end(parts[n]);
        check_position_of_part(parts[n], whole, from);
    }
    CHECK_EQ(from, expected.count);
    free(memory);
}

static void check_split(const groupscan_snapshot *snapshot, int six, const Walk *walk, size_t from,
                        size_t count)
{
    groupscan_enumeration *enumeration = started(snapshot, six, walk);
    groupscan_enumeration *whole = started(snapshot, six, walk);
    /* Its places, and one on each side that must not change. */
    size_t bytes = (count + 2) * sizeof(groupscan_enumeration *), n;
    groupscan_enumeration **parts = (groupscan_enumeration **)memory_of(bytes);
    groupscan_position position;
    memset(parts, CANARY, bytes);
    skip(enumeration, &expected, from);
    position = position_of(enumeration);
    OK(groupscan_enumeration_split(enumeration, parts + 1, count));
    CHECK(is_untouched(&parts[0], sizeof parts[0]));
    CHECK(is_untouched(&parts[count + 1], sizeof parts[0]));
    check_position(enumeration, position);
    check_parts(parts + 1, count, whole, from, is_counted(walk));
    check_rest(enumeration, &expected, from, 5);
    groupscan_enumeration_destroy(enumeration);
    /* A part restarts where it began, and stays within its bounds. */
    memset(&position, 0, sizeof position);
    for (n = 1; n <= count; n++)
        OK(groupscan_enumeration_resume_after(parts[n], &position));
    check_parts(parts + 1, count, whole, from, is_counted(walk));
    for (n = 1; n <= count; n++)
        groupscan_enumeration_destroy(parts[n]);
    groupscan_enumeration_destroy(whole);
    free(parts);
}

static void parts_are_the_whole(int six)
{
    static const size_t counts[] = {1, 2, 3, 7, 0};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t walks_count = put_some_walks(six, walks), of, from, n;
    for (of = 0; of < walks_count; of++) {
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from <= expected.count; from += quick ? 5 : 1) {
            for (n = 0; n < COUNT(counts); n++)
                check_split(snapshot, six, &walks[of], from,
                            counts[n] > 0 ? counts[n] : expected.count + 5);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static void there_are_parts_and_not_too_many(int six)
{
    static const size_t bad_counts[] = {0, (size_t)1 << 32, (size_t)1 << 60, (size_t)-1};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[SOME_WALKS];
    size_t count = put_some_walks(six, walks), of, n;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        expect(&some, six, &walks[of], &expected);
        for (n = 0; n < COUNT(bad_counts); n++)
            REFUSED(groupscan_enumeration_split(enumeration, results.parts, bad_counts[n]),
                    INVALID_SIZE);
        check_rest(enumeration, &expected, 0, 5);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}
