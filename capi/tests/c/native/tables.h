/* Cases: changes of tables, and limits. A part of native.c. */

static void a_bulk_change_is_one_commit(int six)
{
    groupscan_table *table = new_table();
    static Model model;
    Member members[40];
    unsigned n;
    model.count = 0;
    for (n = 0; n < 40; n++)
        members[n] = member(1 + n * 17 % 40, n % 3, n % 5, JOIN);
    CHECK_EQ(version_of(table), 0);
    change_both(table, six, &model, JOINING, 7, members, 40);
    CHECK_EQ(version_of(table), 1);
    CHECK_EQ(outcome.changed, 40);
    check_table(table, six, &model);
    /* Joining existing memberships changes nothing and publishes nothing. */
    change_both(table, six, &model, JOINING, 7, members, 40);
    CHECK_EQ(version_of(table), 1);
    CHECK_EQ(outcome.changed, 0);
    /* Another protocol joins it as well. */
    change_both(table, six, &model, JOINING, 8, members, 20);
    CHECK_EQ(outcome.changed, 20);
    check_table(table, six, &model);
    change_both(table, six, &model, LEAVING, 7, members, 40);
    CHECK_EQ(version_of(table), 3);
    CHECK_EQ(outcome.changed, 40);
    check_table(table, six, &model);
    /* It does not exist for this protocol, and those of others remain. */
    change_both(table, six, &model, LEAVING, 7, members, 40);
    change_both(table, six, &model, LEAVING, 9, members, 40);
    CHECK_EQ(version_of(table), 3);
    change_both(table, six, &model, LEAVING, 8, members, 40);
    CHECK_EQ(model.count, 0);
    check_table(table, six, &model);
    groupscan_table_destroy(table);
}

static void families_have_nothing_in_common_but_versions(void)
{
    groupscan_table *table = new_table();
    Member one = member(SOME_GROUP, 3, 0, JOIN);
    groupscan_snapshot *snapshot;
    groupscan_snapshot_info info;
    OK(change(table, 0, JOINING, 1, &one, 1, &outcome));
    check_outcome(1, 1, NOWHERE);
    OK(change(table, 1, LEAVING, 1, &one, 1, &outcome));
    check_outcome(1, 0, NOWHERE);
    OK(leave_all(table, 1, 1, 0, &outcome));
    check_outcome(1, 0, NOWHERE);
    OK(change(table, 1, JOINING, 1, &one, 1, &outcome));
    check_outcome(2, 1, NOWHERE);
    OK(change(table, 0, LEAVING, 1, &one, 1, &outcome));
    check_outcome(3, 1, NOWHERE);
    snapshot = taken(table);
    info = info_of(snapshot);
    CHECK_EQ(info.version, 3);
    CHECK_EQ(info.ipv4.joins + info.ipv4.memberships + info.ipv4.interfaces, 0);
    CHECK_EQ(info.ipv6.joins + info.ipv6.memberships + info.ipv6.interfaces, 3);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void a_refused_element_changes_nothing(int six)
{
    static const unsigned bad_flags[] = {0, 4, 5, 7, 8, 0x100, 0x101, 0x80000001u, 0xffffffffu};
    static const size_t places[] = {0, 1, 5, 9};
    groupscan_table *table = table_of_some(six);
    uint64_t before = version_of(table);
    size_t of, n, what;
    for (of = 0; of < COUNT(bad_flags); of++) {
        for (n = 0; n < COUNT(places); n++) {
            for (what = 0; what < 2; what++) {
                /* The other joins and leaves would change something. */
                Member members[10];
                unsigned place;
                for (place = 0; place < 10; place++)
                    members[place] = what == 0 ? member(3, place, 1, BOTH) : some.members[place];
                members[places[n]].flags = bad_flags[of];
                CHANGE_REFUSED(change(table, six, what == 0 ? JOINING : LEAVING, 10, members, 10,
                                      &outcome),
                               INVALID_FLAGS, places[n]);
                REFUSED(change(table, six, what == 0 ? JOINING : LEAVING, 10, members, 10, NULL),
                        INVALID_FLAGS);
            }
        }
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void flags_come_and_go_one_by_one(int six)
{
    /* For each step the flags that are joined or left, and the resulting flags. */
    static const struct {
        Change what;
        unsigned flags;
        unsigned after;
    } steps[] = {
        {JOINING, FORWARD, FORWARD}, {JOINING, FORWARD, FORWARD}, {LEAVING, JOIN, FORWARD},
        {JOINING, JOIN, BOTH},       {JOINING, BOTH, BOTH},       {LEAVING, FORWARD, JOIN},
        {LEAVING, FORWARD, JOIN},    {JOINING, BOTH, BOTH},       {LEAVING, JOIN, FORWARD},
        {LEAVING, FORWARD, 0},       {LEAVING, BOTH, 0},          {JOINING, BOTH, BOTH},
        {LEAVING, BOTH, 0},          {JOINING, JOIN, JOIN},       {LEAVING, BOTH, 0},
    };
    groupscan_table *table = new_table();
    unsigned before = 0, version = 0;
    size_t n;
    for (n = 0; n < COUNT(steps); n++) {
        Member one = member(SOME_GROUP, 3, 1, steps[n].flags);
        groupscan_snapshot *snapshot;
        groupscan_enumeration *enumeration;
        Walk walk = memberships_of(1);
        Model model;
        size_t changed = steps[n].after != before;
        version += (unsigned)changed;
        OK(change(table, six, steps[n].what, 5, &one, 1, &outcome));
        check_outcome(version, changed, NOWHERE);
        snapshot = taken(table);
        CHECK_EQ(is_joined(snapshot, six, SOME_GROUP, 3), (steps[n].after & JOIN) != 0);
        model.count = 0;
        one.protocol = 5;
        set_flags(&model, &one, steps[n].after);
        check_info(snapshot, six, &model);
        expect(&model, six, &walk, &expected);
        CHECK_EQ(expected.count, steps[n].after != 0);
        enumeration = started(snapshot, six, &walk);
        check_rest(enumeration, &expected, 0, 2);
        groupscan_enumeration_destroy(enumeration);
        groupscan_snapshot_destroy(snapshot);
        before = steps[n].after;
    }
    groupscan_table_destroy(table);
}

static void memberships_without_joins_are_not_enumerated_as_joins(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Model model;
    Member members[3];
    unsigned view;
    members[0] = member(1, 0, 0, FORWARD);
    members[1] = member(1, 3, 0, FORWARD);
    members[2] = member(1, 3, 1, FORWARD);
    model.count = 0;
    change_both(table, six, &model, JOINING, 1, members, 3);
    snapshot = taken(table);
    for (view = 0; view < VIEWS; view++) {
        groupscan_enumeration *enumeration = NULL;
        OK(enumerate(snapshot, six, view, NULL, &enumeration));
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    CHECK_EQ(joins_of(&model), 0);
    check_snapshot(snapshot, six, &model);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void an_update_leaves_and_then_joins(int six)
{
    groupscan_table *table = table_of_some(six);
    Member members[20];
    uint64_t before;
    size_t n, leave_count;
    for (n = 0; n < 20; n++)
        members[n] = n < 10 ? some.members[n * 4] : member((unsigned)n, 9, 1, JOIN);
    /* Both, only the leaves, and only the joins. */
    update_both(table, six, &some, 10, members, 10, 10);
    CHECK(outcome.changed > 10);
    check_table(table, six, &some);
    update_both(table, six, &some, 10, members, 10, 10);
    CHECK_EQ(outcome.changed, 0);
    update_both(table, six, &some, 10, members + 10, 10, 0);
    CHECK_EQ(outcome.changed, 10);
    update_both(table, six, &some, 10, members + 10, 0, 10);
    CHECK_EQ(outcome.changed, 10);
    update_both(table, six, &some, 10, members, 0, 0);
    check_table(table, six, &some);
    /* A membership in both exists afterwards, with the flags of its join. */
    members[0] = members[1] = member(ABSENT_GROUP, 3, 1, BOTH);
    change_both(table, six, &some, JOINING, 10, members, 1);
    members[1].flags = FORWARD;
    update_both(table, six, &some, 10, members, 1, 1);
    check_table(table, six, &some);
    /* The indices of joins follow those of leaves. */
    before = version_of(table);
    for (leave_count = 0; leave_count <= 20; leave_count += 5) {
        for (n = 0; n < 20; n += 3) {
            unsigned flags = members[n].flags;
            members[n].flags = 4;
            CHANGE_REFUSED(update(table, six, 10, members, leave_count, 20 - leave_count, &outcome),
                           INVALID_FLAGS, n);
            members[n].flags = flags;
        }
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* Arrays that are too large for any memory are not read. */
static void counts_beyond_memory(void)
{
    static const size_t counts[] = {(size_t)-1, (size_t)-1 / 2, (size_t)-1 / 8 + 1,
                                    (size_t)1 << 60};
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, 10, 0);
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_join4 list4 = join4_of(1, 2);
    groupscan_join6 list6 = join6_of(1, 2);
    groupscan_place4 place4 = GROUPSCAN_PLACE4_INIT;
    groupscan_place6 place6 = GROUPSCAN_PLACE6_INIT;
    size_t n;
#define SIZE_REFUSED(call) CHANGE_REFUSED(call, INVALID_SIZE, NOWHERE)
    for (n = 0; n < COUNT(counts); n++) {
        SIZE_REFUSED(groupscan_table_join4(table, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_join6(table, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_leave4(table, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_leave6(table, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_update4(table, 1, &one4, counts[n], &one4, 1, &outcome));
        SIZE_REFUSED(groupscan_table_update6(table, 1, &one6, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_replace4(table, 1, &on4, &list4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_replace6(table, 1, &on6, &list6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_replace4_step(table, 1, &on4, &list4, counts[n], JOIN, 1,
                                                   &place4, &results.is_so, &outcome));
        SIZE_REFUSED(groupscan_table_replace6_step(table, 1, &on6, &list6, counts[n], JOIN, 1,
                                                   &place6, &results.is_so, &outcome));
        SIZE_REFUSED(groupscan_manager_replace4_step(manager, igmp, &on4, &list4, counts[n], JOIN,
                                                     1, &place4, &results.is_so, &outcome));
        place4.has_begun = place6.has_begun = n % 2 == 0;
        SIZE_REFUSED(groupscan_manager_join4(manager, igmp, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_manager_leave4(manager, igmp, &one4, counts[n], &outcome));
        SIZE_REFUSED(
            groupscan_manager_update4(manager, igmp, &one4, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_manager_replace4(manager, igmp, &on4, &list4, counts[n], &outcome));
        REFUSED(groupscan_snapshot_outgoing4(snapshot, &list4, results.interfaces4, counts[n],
                                             &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_outgoing6(snapshot, &list6, results.interfaces6, counts[n],
                                             &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_interfaces4(snapshot, results.interfaces4, counts[n],
                                               &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_interfaces6(snapshot, results.interfaces6, counts[n],
                                               &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_memberships4(snapshot, list4.group, results.entries4, counts[n],
                                                &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_memberships6(snapshot, list6.group, results.entries6, counts[n],
                                                &results.number),
                INVALID_SIZE);
    }
    CHECK_EQ(version_of(table), 0);
    groupscan_snapshot_destroy(snapshot);
    groupscan_manager_destroy(manager);
    groupscan_table_destroy(table);
}

static void leave_all_is_of_one_protocol_on_one_interface(int six)
{
    groupscan_table *table = table_of_some(six);
    unsigned protocol, interface;
    leave_all_both(table, six, &some, 10, ABSENT_INTERFACE);
    leave_all_both(table, six, &some, 99, 0);
    CHECK_EQ(outcome.changed, 0);
    for (protocol = 10; protocol < 10 + PROTOCOLS; protocol++) {
        for (interface = 0; interface < INTERFACES; interface++) {
            leave_all_both(table, six, &some, protocol, interface);
            CHECK(outcome.changed > 0);
            if (interface % 2 == 0)
                check_table(table, six, &some);
            leave_all_both(table, six, &some, protocol, interface);
            CHECK_EQ(outcome.changed, 0);
        }
    }
    CHECK_EQ(some.count, 0);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void a_replacement_is_exactly_its_list(int six)
{
    groupscan_table *table = table_of_some(six);
    Member list[60];
    unsigned n;
    for (n = 0; n < 60; n++)
        list[n] = member(n / 4 * 3, n / 4 == 0 ? 0 : n % 4, 0, 0);
    /* The first four are (*,*) four times. */
    replace_both(table, six, &some, 10, 2, list + 3, 57);
    CHECK(outcome.changed > 0);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, list + 3, 57);
    CHECK_EQ(outcome.changed, 0);
    /* On an interface without memberships. Those of other protocols and interfaces remain. */
    replace_both(table, six, &some, 10, ABSENT_INTERFACE, list + 20, 5);
    CHECK_EQ(outcome.changed, 5);
    replace_both(table, six, &some, 77, 2, list + 22, 1);
    CHECK_EQ(outcome.changed, 1);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, list + 30, 20);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, NULL, 0);
    CHECK_EQ(outcome.changed, 20);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* Replacing removes the other flag, and adds the join flag. */
static void a_replacement_joins_and_no_more(int six)
{
    groupscan_table *table = new_table();
    Model model;
    Member members[3];
    members[0] = member(1, 0, 0, FORWARD);
    members[1] = member(1, 3, 0, BOTH);
    members[2] = member(2, 3, 0, JOIN);
    model.count = 0;
    change_both(table, six, &model, JOINING, 1, members, 3);
    replace_both(table, six, &model, 1, 0, members, 3);
    CHECK_EQ(outcome.changed, 2);
    check_table(table, six, &model);
    groupscan_table_destroy(table);
}

static void a_list_has_to_ascend(int six)
{
    groupscan_table *table = table_of_some(six);
    uint64_t before = version_of(table);
    size_t place;
    for (place = 1; place < 8; place++) {
        Member list[8];
        unsigned n;
        for (n = 0; n < 8; n++)
            list[n] = member(1 + n / 3, 5 + n % 3, 0, 0);
        /* A join twice, and a join that is less than the previous one. */
        list[place] = list[place - 1];
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
        REFUSED(replace(table, six, 10, 2, list, 8, NULL), NOT_ASCENDING);
        list[place].source--;
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
        list[place] = member(0, 0, 0, 0);
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* ---- Cases: limits ---- */

#define NODE_BYTES ((size_t)256 << 10)
#define FULL_MOST 60000

/* Far apart in the order of the indexes. */
static Member scattered(unsigned n) { return member(1 + n * 40503u % 65521u, 0, n % 3, JOIN); }

static groupscan_table *bounded_table(size_t node_bytes, size_t live_versions)
{
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_table *table = NULL;
    options.node_bytes = node_bytes;
    options.live_versions = live_versions;
    OK(groupscan_table_create(&options, &table));
    return table;
}

/* Joins one by one until a join is refused. Returns the number of joins. */
static unsigned fill(groupscan_table *table, int six)
{
    unsigned n;
    for (n = 0; n < FULL_MOST; n++) {
        Member one = scattered(n);
        groupscan_status status = change(table, six, JOINING, 1, &one, 1, NULL);
        if (status == OUT_OF_CAPACITY)
            return n;
        OK(status);
    }
    CHECK(!"the bound stops joins");
    return 0;
}

static void reclaim_all(groupscan_table *table)
{
    bool more = true;
    while (more)
        OK(groupscan_table_reclaim(table, &more));
}

static void node_bytes_bound_joins_and_snapshots(int six)
{
    groupscan_table *table = bounded_table(NODE_BYTES, 0);
    unsigned count = fill(table, six), n, refused = 0;
    uint64_t before = version_of(table);
    groupscan_snapshot *held = taken(table);
    Member few[3], *many;
    CHECK(count > 100);
    CHECK(stats_of(table).in_use_bytes <= NODE_BYTES);
    few[0] = scattered(0);
    few[1] = scattered(1);
    few[2] = scattered(count);
    /* The two existing memberships need no memory. */
    CHANGE_REFUSED(change(table, six, JOINING, 1, few, 3, &outcome), OUT_OF_CAPACITY, 2);
    OK(change(table, six, JOINING, 1, few, 2, &outcome));
    check_outcome(before, 0, NOWHERE);
    many = (Member *)memory_of(FULL_MOST * sizeof *many);
    for (n = 0; n < FULL_MOST; n++)
        many[n] = member(1 + n, 0, 9, JOIN);
    CHANGE_REFUSED(replace(table, six, 1, 9, many, FULL_MOST, &outcome), OUT_OF_CAPACITY, NOWHERE);
    free(many);
    CHECK_EQ(version_of(table), before);
    /* A full table can shrink. It exceeds the limit meanwhile, because a snapshot is held. */
    for (n = 0; n < count; n++) {
        Member one = scattered(n);
        OK(change(table, six, LEAVING, 1, &one, 1, &outcome));
        check_outcome(before + n + 1, 1, NOWHERE);
        if (stats_of(table).in_use_bytes > NODE_BYTES && n + 1 < count) {
            refused++;
            REFUSED(groupscan_table_snapshot(table, &results.snapshot), OUT_OF_CAPACITY);
            CHANGE_REFUSED(change(table, six, JOINING, 1, &one, 1, &outcome), OUT_OF_CAPACITY, 0);
        }
    }
    CHECK(refused > 0);
    CHECK_EQ(rank_of(held, six, 65535, 0), count);
    groupscan_snapshot_destroy(held);
    reclaim_all(table);
    CHECK_EQ(stats_of(table).in_use_bytes, 0);
    OK(change(table, six, JOINING, 1, few, 3, &outcome));
    check_outcome(before + count + 1, 3, NOWHERE);
    groupscan_snapshot_destroy(taken(table));
    groupscan_table_destroy(table);
}

/* Checks the limit: all versions but the current one can be held, and then none of the current one. */
static void check_live_versions(groupscan_table *table, size_t live_versions)
{
    groupscan_snapshot **held = (groupscan_snapshot **)memory_of(live_versions * sizeof *held);
    Member one = member(1, 0, 0, JOIN);
    unsigned n;
    for (n = 0; n + 1 < live_versions; n++) {
        held[n] = taken(table);
        /* Another snapshot of a held version adds no version. */
        groupscan_snapshot_destroy(taken(table));
        one.group++;
        OK(change(table, 0, JOINING, 1, &one, 1, NULL));
    }
    CHECK_EQ(stats_of(table).live_versions, live_versions);
    REFUSED(groupscan_table_snapshot(table, &results.snapshot), TOO_MANY);
    groupscan_snapshot_destroy(held[0]);
    held[0] = taken(table);
    CHECK_EQ(info_of(held[0]).ipv4.joins, live_versions - 1);
    for (n = 0; n + 1 < live_versions; n++)
        groupscan_snapshot_destroy(held[n]);
    free(held);
    groupscan_table_destroy(table);
}

static void live_versions_bound_snapshots(void)
{
    check_live_versions(bounded_table(0, 2), 2);
    check_live_versions(bounded_table(0, 7), 7);
    /* At least two, and by default 1024. */
    check_live_versions(bounded_table(0, 1), 2);
    check_live_versions(bounded_table(0, 0), 1024);
    check_live_versions(new_table(), 1024);
}

static void memory_is_told(int six)
{
    static groupscan_family_stats none;
    groupscan_table *table = new_table();
    groupscan_snapshot *first, *second;
    groupscan_enumeration *enumeration = NULL;
    groupscan_retained retained[4];
    groupscan_stats stats = stats_of(table);
    Model model;
    Member all[300];
    size_t count = NOWHERE, n;
    bool more = true;
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.in_use_bytes + stats.retained_bytes + stats.pending_bytes, 0);
    CHECK(memcmp(&stats.ipv4, &none, sizeof none) == 0);
    CHECK(memcmp(&stats.ipv6, &none, sizeof none) == 0);
    model.count = 0;
    for (n = 0; n < 300; n++)
        all[n] = member(1 + (unsigned)n, (unsigned)n % 3, (unsigned)n % 4, JOIN);
    change_both(table, six, &model, JOINING, 1, all, 300);
    first = taken(table);
    OK(enumerate(first, six, 0, NULL, &enumeration));
    change_both(table, six, &model, LEAVING, 1, all, 50);
    second = taken(table);
    change_both(table, six, &model, LEAVING, 1, all, 100);

    stats = stats_of(table);
    check_counts(six ? &stats.ipv6 : &stats.ipv4, &model);
    CHECK(memcmp(six ? &stats.ipv4 : &stats.ipv6, &none, sizeof none) == 0);
    CHECK_EQ(stats.live_versions, 3);
    CHECK(stats.retained_bytes > 0 && stats.retained_bytes < stats.in_use_bytes);
    CHECK(stats.mapped_bytes >= stats.in_use_bytes + stats.free_bytes);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 3);
    for (n = 0; n < 3; n++) {
        CHECK_EQ(retained[n].version, n + 1);
        CHECK(retained[n].retained_bytes > 0 && retained[n].retained_bytes < stats.in_use_bytes);
    }
    CHECK_EQ(retained[0].holders, 2);
    CHECK_EQ(retained[1].holders, 1);
    CHECK_EQ(retained[2].holders, 0);

    groupscan_snapshot_destroy(first);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 3);
    CHECK_EQ(retained[0].holders, 1);
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(second);
    OK(groupscan_table_reclaim(table, &more));
    reclaim_all(table);
    stats = stats_of(table);
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.retained_bytes + stats.pending_bytes, 0);
    CHECK(stats.in_use_bytes > 0 && stats.free_bytes > 0);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(retained[0].version, 3);
    CHECK_EQ(retained[0].retained_bytes, stats.in_use_bytes);
    OK(groupscan_table_reclaim(table, &more));
    CHECK(!more);
    groupscan_table_destroy(table);
}

/* What dead versions left behind since the last change is pending until it is reclaimed. */
static void reclaiming_says_whether_there_is_more(void)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *held;
    size_t count = quick ? 3000 : 1040000, calls = 0, before, n;
    Member *members = (Member *)memory_of(count * sizeof *members);
    bool more = true;
    for (n = 0; n < count; n++)
        members[n] = member(1 + (unsigned)n / 16, (unsigned)n % 16, 0, JOIN);
    OK(change(table, 0, JOINING, 1, members, count, NULL));
    held = taken(table);
    OK(leave_all(table, 0, 1, 0, NULL));
    before = stats_of(table).in_use_bytes;
    CHECK_EQ(stats_of(table).pending_bytes, 0);
    CHECK_EQ(stats_of(table).retained_bytes, before);
    groupscan_snapshot_destroy(held);
    while (more) {
        OK(groupscan_table_reclaim(table, &more));
        CHECK_EQ(more, stats_of(table).pending_bytes > 0);
        calls++;
    }
    CHECK_EQ(stats_of(table).in_use_bytes, 0);
    CHECK(before > 0 && (quick || calls > 1));
    free(members);
    groupscan_table_destroy(table);
}
