/* Cases: the handles of managers, and their limits. A part of native.c. */

static void handles_enumerate_as_snapshots_do(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    Narrow narrows[NARROWS];
    unsigned view, n;
    put_narrows(0, narrows);
    for (n = 0; n < NARROWS; n++) {
        for (view = 0; view < VIEWS; view++) {
            Walk walk = walk_of(view);
            groupscan_filter4 filter = filter4_of(&narrows[n]);
            groupscan_enumeration_handle handle;
            walk.narrow = narrows[n];
            expect(&some, 0, &walk, &expected);
            OK(groupscan_manager_start4(manager, clients[n % PROTOCOLS], view, &filter, &handle));
            check_managed_rest(manager, handle, 0, 1 + n);
            OK(groupscan_manager_end(manager, handle));
        }
    }
    check_managed(manager, &some);
    groupscan_manager_destroy(manager);
}

static void starts_are_checked(void)
{
    static const uint32_t bad_views[] = {VIEWS, 256, 0xffffffffu};
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    groupscan_enumeration_handle handle = managed_start(manager, clients[0], 0);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t n, bytes, from;
    for (n = 0; n < COUNT(bad_views); n++)
        REFUSED(groupscan_manager_start4(manager, clients[0], bad_views[n], NULL, &results.handle),
                INVALID_VIEW);
    filter.group.length = 33;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            INVALID_PREFIX);
    filter.group.length = 0;
    filter.source.address[3] = 1;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            INVALID_PREFIX);
    filter.source.length = 32;
    filter.has_interface = 2;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            UNKNOWN_OPTION);
    filter.has_interface = 1;
    filter.reserved = 1;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            UNKNOWN_OPTION);
    /* With a buffer that is too small the enumeration does not move. */
    expect(&some, 0, &walk, &expected);
    for (from = 0; from < 3; from++) {
        size_t count = 0;
        for (bytes = 0; bytes < 16; bytes++)
            REFUSED(groupscan_manager_next(manager, handle, results.buffer, bytes, &results.number,
                                           &results.is_so),
                    BUFFER_TOO_SMALL);
        OK(groupscan_manager_next(manager, handle, results.buffer, 31, &count, NULL));
        CHECK_EQ(count, 1);
        CHECK(memcmp(results.buffer, record(&expected, from), 16) == 0);
    }
    check_managed_rest(manager, handle, 3, 4);
    OK(groupscan_manager_end(manager, handle));
    groupscan_manager_destroy(manager);
}

static void an_enumeration_is_of_one_point_in_time(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_enumeration_handle handle = managed_start(manager, clients[1], 0);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t count = 0;
    expect(&some, 0, &walk, &expected);
    OK(groupscan_manager_next(manager, handle, results.buffer, 32, &count, NULL));
    CHECK_EQ(count, 2);
    OK(groupscan_manager_deregister(manager, clients[0]));
    OK(groupscan_manager_deregister(manager, clients[2]));
    check_managed_rest(manager, handle, 2, 6);
    /* Deregistering a client ends its enumerations. */
    OK(groupscan_manager_deregister(manager, clients[1]));
    REFUSED(groupscan_manager_end(manager, handle), INVALID_HANDLE);
    groupscan_manager_destroy(manager);
}

static void check_no_protocol(groupscan_manager *manager, groupscan_protocol_handle handle)
{
    Member one = member(1, 3, NOBODYS, JOIN);
    REFUSED(groupscan_manager_deregister(manager, handle), INVALID_HANDLE);
    REFUSED(take(manager, handle, NOBODYS), INVALID_HANDLE);
    REFUSED(release(manager, handle, LAN), INVALID_HANDLE);
    REFUSED(groupscan_manager_protocol_number(manager, handle, &results.id), INVALID_HANDLE);
    CHANGE_REFUSED(change_managed(manager, JOINING, handle, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    CHANGE_REFUSED(change_managed(manager, LEAVING, handle, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    CHANGE_REFUSED(update_managed(manager, handle, &one, 0, 1, &outcome), INVALID_HANDLE, NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, handle, LAN, &outcome), INVALID_HANDLE, NOWHERE);
    CHANGE_REFUSED(replace_managed(manager, handle, LAN, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    REFUSED(groupscan_manager_start4(manager, handle, 0, NULL, &results.handle), INVALID_HANDLE);
}

static void check_no_enumeration(groupscan_manager *manager,
                                 groupscan_enumeration_handle handle)
{
    REFUSED(groupscan_manager_next(manager, handle, results.buffer, 64, &results.number,
                                   &results.is_so),
            INVALID_HANDLE);
    REFUSED(groupscan_manager_next(manager, handle, NULL, 0, &results.number, NULL),
            INVALID_HANDLE);
    REFUSED(groupscan_manager_end(manager, handle), INVALID_HANDLE);
}

/* Skips the live handles, which a forged one may equal by chance. */
static void check_forged(groupscan_manager *manager, uint64_t forged,
                         groupscan_protocol_handle protocol, groupscan_enumeration_handle running)
{
    if (forged != protocol)
        check_no_protocol(manager, forged);
    if (forged != running)
        check_no_enumeration(manager, forged);
}

static void invalid_handles_are_refused(void)
{
    groupscan_manager *manager = new_manager(), *other = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0), gone = registered(manager, PIM, 1);
    groupscan_protocol_handle elsewhere = registered(other, PIM, 0);
    groupscan_enumeration_handle running = managed_start(manager, pim, 0);
    groupscan_enumeration_handle ended = managed_start(manager, pim, 0);
    groupscan_enumeration_handle running_elsewhere = managed_start(other, elsewhere, 0);
    uint64_t forged[6];
    size_t n;
    int bit;
    OK(take(manager, pim, LAN));
    OK(groupscan_manager_deregister(manager, gone));
    OK(groupscan_manager_end(manager, ended));
    check_forged(manager, 0, pim, running);
    check_forged(manager, ~(uint64_t)0, pim, running);
    forged[0] = pim;
    forged[1] = running;
    forged[2] = gone;
    forged[3] = ended;
    forged[4] = elsewhere;
    forged[5] = running_elsewhere;
    for (n = 0; n < COUNT(forged); n++) {
        check_forged(manager, forged[n], pim, running);
        check_forged(other, forged[n], elsewhere, running_elsewhere);
        check_forged(manager, ~forged[n], pim, running);
        for (bit = 0; bit < 64; bit++)
            check_forged(manager, forged[n] ^ (uint64_t)1 << bit, pim, running);
    }
    check_owner(manager, LAN, PIM, 0);
    check_no_owner(manager, NOBODYS);
    expected.count = 0;
    check_managed_rest(manager, running, 0, 1);
    check_managed_rest(other, running_elsewhere, 0, 1);
    groupscan_manager_destroy(manager);
    groupscan_manager_destroy(other);
}

static void managers_have_limits(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle clients[3];
    groupscan_enumeration_handle running[4];
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.protocols = 3;
    options.owned_interfaces = 2;
    options.enumerations = 4;
    options.live_versions = 3;
    OK(groupscan_manager_create(&options, &manager));
    for (n = 0; n < 3; n++)
        clients[n] = registered(manager, IGMP, n);
    REFUSED(groupscan_manager_register(manager, IGMP, 3, &results.protocol), TOO_MANY);
    /* As many as were ended can be started again. */
    OK(groupscan_manager_deregister(manager, clients[1]));
    clients[1] = registered(manager, IGMP, 3);
    REFUSED(groupscan_manager_register(manager, IGMP, 4, &results.protocol), TOO_MANY);
    OK(take(manager, clients[0], 0));
    OK(take(manager, clients[1], 1));
    REFUSED(take(manager, clients[2], 2), TOO_MANY);
    check_no_owner(manager, 2);
    /* Taking what it owns still succeeds. */
    OK(take(manager, clients[0], 0));
    OK(release(manager, clients[1], 1));
    OK(take(manager, clients[2], 2));
    for (n = 0; n < 4; n++)
        running[n] = managed_start(manager, clients[0], 0);
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    OK(groupscan_manager_end(manager, running[1]));
    running[1] = managed_start(manager, clients[0], 0);
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    for (n = 1; n < 4; n++)
        OK(groupscan_manager_end(manager, running[n]));
    /* Versions: two are held; the current one is not, and cannot be. */
    OK(change_managed(manager, JOINING, clients[0], &one, 1, NULL));
    running[1] = managed_start(manager, clients[0], 0);
    OK(change_managed(manager, LEAVING, clients[0], &one, 1, NULL));
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    REFUSED(groupscan_manager_snapshot(manager, &results.snapshot), TOO_MANY);
    OK(groupscan_manager_end(manager, running[0]));
    managed_start(manager, clients[0], 0);
    groupscan_manager_destroy(manager);
}

/* By default 256 clients, 1024 enumerations and 65,536 owned interfaces. */
static void managers_have_default_limits(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle pim;
    unsigned n;
    OK(groupscan_manager_create(&options, &manager));
    pim = registered(manager, PIM, 0);
    for (n = 1; n < 256; n++)
        registered(manager, PIM, n);
    REFUSED(groupscan_manager_register(manager, PIM, 256, &results.protocol), TOO_MANY);
    for (n = 0; n < 1024; n++)
        managed_start(manager, pim, 0);
    REFUSED(groupscan_manager_start4(manager, pim, 0, NULL, &results.handle), TOO_MANY);
    for (n = 0; n < 65536; n++)
        OK(take(manager, pim, 2 * n));
    REFUSED(take(manager, pim, 2 * n), TOO_MANY);
    groupscan_manager_destroy(manager);
}

/* More than the live versions of a manager with default options. */
#define VERSIONS 2500

/* Each enumeration may have a version of its own, whatever the limit on enumerations. */
static void managers_keep_a_version_for_each_enumeration(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.enumerations = VERSIONS;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    for (n = 0; n < VERSIONS; n++) {
        OK(change_managed(manager, n % 2 == 0 ? JOINING : LEAVING, igmp, &one, 1, NULL));
        managed_start(manager, igmp, 0);
    }
    REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle), TOO_MANY);
    groupscan_manager_destroy(manager);
}

/* Limits may be any numbers; enumerations are 65,536 at most. */
static void limits_may_be_any_numbers(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.node_bytes = options.live_versions = options.protocols = (size_t)-1;
    options.owned_interfaces = options.enumerations = (size_t)-1;
    options.idle_ms = ~(uint64_t)0;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    OK(take(manager, igmp, LAN));
    OK(change_managed(manager, JOINING, igmp, &one, 1, NULL));
    groupscan_snapshot_destroy(taken_of(manager));
    for (n = 0; n < 65536; n++)
        managed_start(manager, igmp, 0);
    REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle), TOO_MANY);
    groupscan_manager_destroy(manager);
    groupscan_table_destroy(bounded_table((size_t)-1, (size_t)-1));
}

static void node_bytes_bound_managers(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_enumeration_handle held;
    groupscan_stats stats;
    Member two[2];
    unsigned count, n, refused = 0;
    bool more = true;
    options.node_bytes = NODE_BYTES;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    two[0] = scattered(0);
    OK(change_managed(manager, JOINING, igmp, two, 1, NULL));
    for (count = 1;; count++) {
        groupscan_status status;
        CHECK(count < FULL_MOST);
        two[1] = scattered(count);
        status = change_managed(manager, JOINING, igmp, two, 2, &outcome);
        if (status == OUT_OF_CAPACITY)
            break;
        OK(status);
    }
    check_refused_at(1);
    held = managed_start(manager, igmp, 0);
    for (n = 0; n < count; n++) {
        two[0] = scattered(n);
        OK(change_managed(manager, LEAVING, igmp, two, 1, NULL));
        OK(groupscan_manager_stats(manager, &stats, sizeof stats));
        if (stats.in_use_bytes > NODE_BYTES) {
            refused++;
            REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle),
                    OUT_OF_CAPACITY);
            REFUSED(groupscan_manager_snapshot(manager, &results.snapshot), OUT_OF_CAPACITY);
        }
    }
    CHECK(refused > 0);
    OK(groupscan_manager_end(manager, held));
    while (more)
        OK(groupscan_manager_reclaim(manager, &more));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK_EQ(stats.in_use_bytes, 0);
    managed_start(manager, igmp, 0);
    groupscan_manager_destroy(manager);
}

static void sleep_for_some_ticks(void)
{
    struct timespec time;
    time.tv_sec = 0;
    time.tv_nsec = 30 * 1000 * 1000;
    while (nanosleep(&time, &time) != 0)
        continue;
}

static groupscan_manager *idle_manager(uint64_t idle_ms, size_t enumerations)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    options.idle_ms = idle_ms;
    options.enumerations = enumerations;
    OK(groupscan_manager_create(&options, &manager));
    return manager;
}

static size_t expired(groupscan_manager *manager)
{
    size_t ended = NOWHERE;
    OK(groupscan_manager_expire_idle(manager, &ended));
    return ended;
}

static void unused_enumerations_expire(void)
{
    static const uint64_t for_long[] = {0, 3600000, (uint64_t)1 << 32, ~(uint64_t)0};
    groupscan_manager *manager = idle_manager(1, 0);
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_enumeration_handle running[3];
    size_t n;
    CHECK_EQ(expired(manager), 0);
    for (n = 0; n < 3; n++)
        running[n] = managed_start(manager, pim, 0);
    OK(groupscan_manager_end(manager, running[1]));
    sleep_for_some_ticks();
    CHECK_EQ(expired(manager), 2);
    for (n = 0; n < 3; n++)
        check_no_enumeration(manager, running[n]);
    CHECK_EQ(expired(manager), 0);
    OK(groupscan_manager_end(manager, managed_start(manager, pim, 0)));
    groupscan_manager_destroy(manager);
    /* Not yet idle, or never. */
    for (n = 0; n < COUNT(for_long); n++) {
        manager = idle_manager(for_long[n], 0);
        pim = registered(manager, PIM, 0);
        running[0] = managed_start(manager, pim, 0);
        sleep_for_some_ticks();
        CHECK_EQ(expired(manager), 0);
        OK(groupscan_manager_end(manager, running[0]));
        groupscan_manager_destroy(manager);
    }
}

/* A start at the limit ends idle enumerations, and succeeds. */
static void starts_make_room_for_themselves(void)
{
    groupscan_manager *manager = idle_manager(1, 3);
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_enumeration_handle running[3], started_last;
    size_t n;
    for (n = 0; n < 3; n++)
        running[n] = managed_start(manager, pim, 0);
    sleep_for_some_ticks();
    started_last = managed_start(manager, pim, 0);
    for (n = 0; n < 3; n++)
        check_no_enumeration(manager, running[n]);
    OK(groupscan_manager_end(manager, started_last));
    groupscan_manager_destroy(manager);
}

static size_t list_of(const groupscan_manager *manager, groupscan_manager_enumeration4 *list,
                      size_t capacity)
{
    size_t count = NOWHERE;
    memset(list, CANARY, capacity * sizeof *list);
    OK(groupscan_manager_enumerations4(manager, list, capacity, sizeof *list, &count));
    return count;
}

static void running_enumerations_are_listed(void)
{
    static groupscan_position start;
    static groupscan_prefix4 all;
    static groupscan_interface4 none;
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_manager_enumeration4 list[4];
    groupscan_enumeration_handle running[3];
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    Member first = some.members[0], new_one = member(ABSENT_GROUP, 0, LAN, JOIN);
    groupscan_position behind;
    uint64_t version = managed_version(manager);
    size_t n, count = 0;
    CHECK_EQ(list_of(manager, list, 4), 0);
    running[0] = managed_start(manager, clients[0], GROUPSCAN_VIEW_ALL_SOURCES);
    put_prefix(0, GROUP, FAR_GROUP, 24, filter.group.address);
    filter.group.length = 24;
    put_prefix(0, SOURCE, 256 + 3, 32, filter.source.address);
    filter.source.length = 32;
    filter.has_interface = 1;
    filter.iface = interface4_of(3);
    OK(groupscan_manager_start4(manager, clients[2], GROUPSCAN_VIEW_SOURCE_SPECIFIC, &filter,
                               &running[1]));
    OK(change_managed(manager, JOINING, clients[1], &new_one, 1, NULL));
    running[2] = managed_start(manager, clients[1], GROUPSCAN_VIEW_GROUPS);

    CHECK_EQ(list_of(manager, list, 4), 3);
    CHECK(is_untouched(&list[3], sizeof list[3]));
    for (n = 0; n < 3; n++) {
        static const unsigned client_of[] = {0, 2, 1};
        static const unsigned views[] = {0, 2, 4};
        CHECK_EQ(list[n].handle, running[n]);
        CHECK_EQ(list[n].version, version + (n == 2));
        CHECK_EQ(list[n].protocol_id, 10 + (client_of[n] << 16));
        CHECK_EQ(list[n].component_id, 0);
        CHECK_EQ(list[n].view, views[n]);
        CHECK_EQ(list[n].reserved, 0);
        CHECK(list[n].idle_ms <= list[n].age_ms && list[n].age_ms < 3600000);
        if (n == 1)
            continue;
        CHECK(memcmp(&list[n].position, &start, sizeof start) == 0);
        CHECK(memcmp(&list[n].group, &all, sizeof all) == 0);
        CHECK(memcmp(&list[n].source, &all, sizeof all) == 0);
        CHECK_EQ(list[n].has_interface, 0);
        CHECK(memcmp(&list[n].iface, &none, sizeof none) == 0);
    }
    CHECK(memcmp(&list[1].group, &filter.group, sizeof filter.group) == 0);
    CHECK(memcmp(&list[1].source, &filter.source, sizeof filter.source) == 0);
    CHECK_EQ(list[1].has_interface, 1);
    CHECK(memcmp(&list[1].iface, &filter.iface, sizeof filter.iface) == 0);
    expect(&some, 0, &walk, &expected);
    CHECK_EQ(list[0].remaining, expected.count);
    CHECK(list[2].remaining > 0);
    /* The first two hold one old version, the third holds the current one. */
    CHECK(list[0].retained_bytes > 0);
    CHECK_EQ(list[1].retained_bytes, list[0].retained_bytes);
    CHECK_EQ(list[2].retained_bytes, 0);

    sleep_for_some_ticks();
    OK(groupscan_manager_next(manager, running[0], results.buffer, 16, &count, NULL));
    CHECK_EQ(list_of(manager, list, 3), 3);
    CHECK_EQ(list[0].remaining, expected.count - 1);
    memset(&behind, 0, sizeof behind);
    put_address(0, GROUP, first.group, behind.group);
    put_address(0, SOURCE, first.source, behind.source);
    behind.family = GROUPSCAN_IPV4;
    CHECK(memcmp(&list[0].position, &behind, sizeof behind) == 0);
    /* It was used recently, and the others were not. */
    CHECK(list[0].age_ms >= list[0].idle_ms + 15);
    CHECK(list[1].idle_ms >= 15 && list[1].idle_ms == list[1].age_ms);
    for (n = 0; n < 3; n++) {
        OK(groupscan_manager_end(manager, running[n]));
        CHECK_EQ(list_of(manager, list, 3), 2 - n);
        CHECK_EQ(list[0].handle, n < 2 ? running[n + 1] : 0xa5a5a5a5a5a5a5a5u);
    }
    groupscan_manager_destroy(manager);
}

static void managers_tell_how_their_memory_is_spent(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_enumeration_handle held = managed_start(manager, clients[0], 0);
    groupscan_retained retained[3];
    groupscan_stats stats;
    size_t count = 0;
    bool more = true;
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    check_counts(&stats.ipv4, &some);
    CHECK_EQ(stats.ipv6.joins + stats.ipv6.memberships + stats.ipv6.interfaces, 0);
    CHECK_EQ(stats.live_versions, 1);
    OK(groupscan_manager_deregister(manager, clients[1]));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK(stats.ipv4.memberships < some.count);
    CHECK_EQ(stats.live_versions, 2);
    CHECK(stats.retained_bytes > 0);
    OK(groupscan_manager_retained(manager, retained, 3, sizeof retained[0], &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(retained[0].holders, 1);
    CHECK_EQ(retained[1].holders, 0);
    CHECK_EQ(retained[1].version, retained[0].version + 1);
    CHECK(retained[0].retained_bytes > 0);
    OK(groupscan_manager_end(manager, held));
    while (more)
        OK(groupscan_manager_reclaim(manager, &more));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.retained_bytes, 0);
    groupscan_manager_destroy(manager);
}

static void managers_have_nothing_in_common(void)
{
    groupscan_manager *managers[3];
    groupscan_protocol_handle igmp[3];
    Member one = member(SOME_GROUP, 0, LAN, JOIN);
    size_t n;
    managers[0] = new_manager();
    managers[1] = new_manager();
    OK(groupscan_manager_of_process(NULL, &managers[2]));
    for (n = 0; n < 3; n++) {
        igmp[n] = registered(managers[n], IGMP, 0);
        OK(take(managers[n], igmp[n], LAN));
    }
    OK(change_managed(managers[0], JOINING, igmp[0], &one, 1, NULL));
    for (n = 0; n < 3; n++) {
        groupscan_snapshot *snapshot = taken_of(managers[n]);
        CHECK_EQ(is_joined(snapshot, 0, SOME_GROUP, 0), n == 0);
        groupscan_snapshot_destroy(snapshot);
    }
    groupscan_manager_destroy(managers[0]);
    check_owner(managers[1], LAN, IGMP, 0);
    check_owner(managers[2], LAN, IGMP, 0);
    groupscan_manager_destroy(managers[1]);
    OK(release(managers[2], igmp[2], LAN));
    OK(groupscan_manager_deregister(managers[2], igmp[2]));
}

static void a_manager_goes_with_all_that_runs(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_snapshot *snapshot = taken_of(manager);
    size_t count = 0;
    unsigned n;
    OK(take(manager, clients[0], LAN));
    for (n = 0; n < 100; n++) {
        groupscan_enumeration_handle handle = managed_start(manager, clients[n % PROTOCOLS], n % 5);
        OK(groupscan_manager_next(manager, handle, results.buffer, 16 * (n % 7 + 1), &count, NULL));
        CHECK(count > 0);
    }
    groupscan_manager_destroy(manager);
    check_snapshot(snapshot, 0, &some);
    groupscan_snapshot_destroy(snapshot);
}

static void threads_share_a_handle(void)
{
    static Member members[MANY];
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    int turn, turns = quick ? 4 : 50;
    unsigned n;
    put_many(members);
    for (n = 0; n < MANY; n += 30)
        OK(change_managed(manager, JOINING, igmp, members + n, 30, NULL));
    alike.manager = manager;
    alike.record_bytes = sizeof(groupscan_source_group_entry4);
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        alike.handle = managed_start(manager, igmp, turn % 2 == 0 ? 0 : GROUPSCAN_VIEW_ANY_SOURCE);
        start_workers(read_to_the_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        check_seen_once();
        OK(groupscan_manager_end(manager, alike.handle));
    }
    groupscan_manager_destroy(manager);
}

static void *read_until_ended(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint8_t batch[THREADS * 3 * sizeof(groupscan_source_group_entry4)];
    size_t bytes = worker->a_call * worker->record_bytes;
    pthread_barrier_wait(worker->barrier);
    do {
        size_t count = NOWHERE;
        worker->status = groupscan_manager_next(worker->manager, worker->handle, batch, bytes,
                                                &count, NULL);
        if (worker->status == GROUPSCAN_OK)
            note_batch(worker, batch, count);
        if (count == 0)
            sched_yield();
    } while (worker->status == GROUPSCAN_OK);
    return NULL;
}

static void *read_or_end(void *argument)
{
    Worker *worker = (Worker *)argument;
    if (worker->a_call > 1)
        return read_until_ended(argument);
    pthread_barrier_wait(worker->barrier);
    worker->status = groupscan_manager_end(worker->manager, worker->handle);
    return NULL;
}

/* A call that has found the enumeration completes, and all later calls find the handle invalid. */
static void an_end_while_threads_read(void)
{
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Member members[30];
    int turn, turns = quick ? 10 : 300, n;
    for (n = 0; n < 30; n++)
        members[n] = member(1 + (unsigned)n * 90, 0, 0, JOIN);
    OK(change_managed(manager, JOINING, igmp, members, 30, NULL));
    alike.manager = manager;
    alike.record_bytes = sizeof(groupscan_source_group_entry4);
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        unsigned group;
        alike.handle = managed_start(manager, igmp, 0);
        start_workers(read_or_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        CHECK_EQ(workers[0].status, GROUPSCAN_OK);
        for (n = 1; n < THREADS; n++)
            CHECK_EQ(workers[n].status, INVALID_HANDLE);
        for (group = 1; group <= MANY; group++)
            CHECK(workers[1].seen[group] + workers[2].seen[group] + workers[3].seen[group] <= 1);
    }
    groupscan_manager_destroy(manager);
}

static void *end_once(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    worker->status = groupscan_manager_end(worker->manager, worker->handle);
    return NULL;
}

static void of_threads_that_end_one_is_told_so(void)
{
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    int turn, turns = quick ? 10 : 500, n;
    alike.manager = manager;
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        int told = 0;
        alike.handle = managed_start(manager, pim, 0);
        start_workers(end_once, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        for (n = 0; n < THREADS; n++) {
            CHECK(workers[n].status == GROUPSCAN_OK || workers[n].status == INVALID_HANDLE);
            told += workers[n].status == GROUPSCAN_OK;
        }
        CHECK_EQ(told, 1);
    }
    groupscan_manager_destroy(manager);
}
