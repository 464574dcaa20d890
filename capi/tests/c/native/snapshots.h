/* Cases: snapshots. A part of native.c. */

/* A record of no membership in particular. */
static uint8_t some_bytes[sizeof(groupscan_membership_entry6)];

static void a_snapshot_never_changes(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    groupscan_snapshot_info info = info_of(snapshot), later;
    Model model = some;
    unsigned interface;
    size_t n;
    for (interface = 0; interface < INTERFACES; interface++)
        leave_all_both(table, six, &model, 11, interface);
    for (n = 0; n < some.count; n++) {
        Member moved = some.members[n];
        moved.interface = 7;
        change_both(table, six, &model, JOINING, 12, &moved, 1);
    }
    check_table(table, six, &model);
    check_snapshot(snapshot, six, &some);
    groupscan_table_destroy(table);
    /* Still the same afterwards. */
    check_snapshot(snapshot, six, &some);
    later = info_of(snapshot);
    CHECK(memcmp(&info, &later, sizeof info) == 0);
    groupscan_snapshot_destroy(snapshot);
}

/* Tables, snapshots, enumerations and parts may be destroyed in any order. */
static void each_object_outlives_those_that_it_came_from(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    groupscan_enumeration *enumeration = started(snapshot, six, &walk);
    groupscan_enumeration *part = NULL;
    expect(&some, six, &walk, &expected);
    groupscan_snapshot_destroy(snapshot);
    skip(enumeration, &expected, 3);
    OK(groupscan_enumeration_split(enumeration, &part, 1));
    groupscan_enumeration_destroy(enumeration);
    check_rest(part, &expected, 3, 4);
    groupscan_enumeration_destroy(part);
}

static void a_snapshot_answers_by_the_model(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    size_t n;
    check_snapshot(snapshot, six, &some);
    for (n = 0; n < some.count; n++)
        check_join(snapshot, six, &some, some.members[n].group, some.members[n].source);
    check_join(snapshot, six, &some, 0, 0);
    check_join(snapshot, six, &some, 0, 3);
    check_join(snapshot, six, &some, ABSENT_GROUP, 0);
    check_join(snapshot, six, &some, 65535, 65535);
    groupscan_snapshot_destroy(snapshot);
}

static void an_empty_snapshot_has_answers_too(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    Model model;
    model.count = 0;
    CHECK_EQ(info_of(snapshot).version, 0);
    check_snapshot(snapshot, six, &model);
    check_join(snapshot, six, &model, 0, 0);
    check_join(snapshot, six, &model, SOME_GROUP, 3);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* A step names an element of the version before, which may be gone. */
static void steps_go_on_in_another_version(int six)
{
    static Model model;
    groupscan_table *table = table_of_some(six);
    unsigned order;
    model = some;
    for (order = GROUPSCAN_BY_GROUP; order <= GROUPSCAN_BY_INTERFACE; order++) {
        Walk walk = walk_of(order == GROUPSCAN_BY_GROUP ? VIEW_BY_GROUP : VIEW_BY_INTERFACE);
        uint8_t at[sizeof(groupscan_membership_entry6)], *after = NULL;
        Member last = member(0, 0, 0, 0);
        size_t steps = 0;
        for (;; after = at, steps++) {
            groupscan_snapshot *snapshot = taken(table);
            groupscan_status status = next_membership(snapshot, six, order, after, at);
            size_t n;
            groupscan_snapshot_destroy(snapshot);
            expect_all_behind(&model, six, &walk, after == NULL ? NULL : &last, &expected);
            CHECK_EQ(status, expected.count == 0 ? NOT_FOUND : GROUPSCAN_OK);
            if (status != GROUPSCAN_OK)
                break;
            CHECK(memcmp(at, expected.bytes, expected.record_bytes) == 0);
            for (n = 0; n < model.count; n++) {
                uint8_t one[sizeof at];
                put_membership(six, &model.members[n], one);
                if (memcmp(one, at, expected.record_bytes) == 0)
                    last = model.members[n];
            }
            /* The element goes, and later ones come and go. */
            if (steps % 2 == 0)
                change_both(table, six, &model, LEAVING, last.protocol, &last, 1);
            if (steps % 3 == 0 && steps < 60) {
                Member added = member(last.group, last.source + 1, steps % INTERFACES, BOTH);
                change_both(table, six, &model, JOINING, 12, &added, 1);
            }
        }
        CHECK(steps > 30);
    }
    groupscan_table_destroy(table);
}

static void orders_are_checked(int six)
{
    static const unsigned bad_orders[] = {2, 3, 256, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Narrow narrow = to_everything();
    size_t n;
    for (n = 0; n < COUNT(bad_orders); n++) {
        uint8_t *after = n % 2 == 0 ? NULL : some_bytes;
        REFUSED(next_membership(snapshot, six, bad_orders[n], after, results.buffer), INVALID_ORDER);
        REFUSED(enumerate_all_memberships(snapshot, six, bad_orders[n], NULL, &results.enumeration),
                INVALID_ORDER);
    }
    /* The order is checked before the filter, and the filter is checked. */
    narrow.group = 1;
    narrow.group_length = bits(six) + 1;
    REFUSED(enumerate_all_memberships(snapshot, six, 2, &narrow, &results.enumeration),
            INVALID_ORDER);
    REFUSED(enumerate_all_memberships(snapshot, six, 1, &narrow, &results.enumeration),
            INVALID_PREFIX);
    groupscan_snapshot_destroy(snapshot);
}

static void a_clone_is_another_holder_of_the_version(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table), *clone = NULL, *again = NULL;
    groupscan_retained retained[2];
    size_t count = 0;
    OK(leave_all(table, six, 10, 0, NULL));
    OK(groupscan_snapshot_clone(snapshot, &clone));
    CHECK(clone != NULL && clone != snapshot);
    OK(groupscan_table_retained(table, retained, 2, sizeof retained[0], &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(retained[0].holders, 2);
    CHECK_EQ(info_of(clone).version, retained[0].version);
    groupscan_snapshot_destroy(snapshot);
    OK(groupscan_snapshot_clone(clone, &again));
    groupscan_table_destroy(table);
    check_snapshot(clone, six, &some);
    groupscan_snapshot_destroy(clone);
    check_snapshot(again, six, &some);
    groupscan_snapshot_destroy(again);
}

/* The keys stay in place while the table changes. */
static void keys_are_good_as_long_as_the_snapshot(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    const void *keys;
    const uint64_t *keys4 = NULL;
    const groupscan_key6 *keys6 = NULL;
    uint8_t *copy;
    size_t count = 0, bytes;
    unsigned n;
    if (six)
        OK(groupscan_snapshot_keys6(snapshot, 1, &keys6, &count));
    else
        OK(groupscan_snapshot_keys4(snapshot, 1, &keys4, &count));
    keys = six ? (const void *)keys6 : (const void *)keys4;
    bytes = count * (six ? sizeof *keys6 : sizeof *keys4);
    CHECK(count > 0);
    copy = (uint8_t *)memory_of(bytes);
    memcpy(copy, keys, bytes);
    for (n = 0; n < INTERFACES; n++) {
        OK(leave_all(table, six, 10, n, NULL));
        OK(leave_all(table, six, 11, n, NULL));
    }
    reclaim_all(table);
    groupscan_table_destroy(table);
    CHECK(memcmp(copy, keys, bytes) == 0);
    free(copy);
    groupscan_snapshot_destroy(snapshot);
}
