/* Cases: long changes in steps, and memory that goes back to the system. A part of native.c. */

/* How far a change in steps has come. The place is at an odd address, with a canary behind it. */
typedef struct Steps {
    uint8_t memory[1 + sizeof(groupscan_place6) + 8];
    bool more;
} Steps;

static Steps steps_from_the_start(int six)
{
    Steps steps;
    memset(steps.memory, CANARY, sizeof steps.memory);
    memset(steps.memory + 1, 0, six ? sizeof(groupscan_place6) : sizeof(groupscan_place4));
    steps.more = true;
    return steps;
}

static groupscan_place4 *place4_in(Steps *steps)
{
    void *place = steps->memory + 1;
    return (groupscan_place4 *)place;
}

static groupscan_place6 *place6_in(Steps *steps)
{
    void *place = steps->memory + 1;
    return (groupscan_place6 *)place;
}

/* Checks that nothing is written behind the place, and that the place is the start after the last step. */
static void check_place(const Steps *steps, int six)
{
    size_t bytes = six ? sizeof(groupscan_place6) : sizeof(groupscan_place4), n;
    uint32_t has_begun;
    memcpy(&has_begun, steps->memory + 1 + bytes - sizeof has_begun, sizeof has_begun);
    CHECK_EQ(has_begun, steps->more);
    for (n = 0; n < bytes && !steps->more; n++)
        CHECK_EQ(steps->memory[1 + n], 0);
    CHECK_EQ(steps->memory[0], CANARY);
    CHECK(is_untouched(steps->memory + 1 + bytes, sizeof steps->memory - 1 - bytes));
}

static groupscan_status replace_step(groupscan_table *table, int six, unsigned protocol,
                                     unsigned interface, const Member *members, size_t count,
                                     unsigned flags, size_t most, Steps *steps,
                                     groupscan_outcome *became)
{
    size_t bytes = six ? sizeof(groupscan_join6) : sizeof(groupscan_join4), n;
    /* The list is at an odd address. */
    uint8_t *memory = (uint8_t *)memory_of(count * bytes + 1);
    void *first = memory + 1;
    groupscan_interface4 on4 = interface4_of(interface);
    groupscan_interface6 on6 = interface6_of(interface);
    groupscan_status status;
    for (n = 0; n < count; n++) {
        groupscan_join4 join4 = join4_of(members[n].group, members[n].source);
        groupscan_join6 join6 = join6_of(members[n].group, members[n].source);
        memcpy(memory + 1 + n * bytes, six ? (void *)&join6 : (void *)&join4, bytes);
    }
    if (six)
        status = groupscan_table_replace6_step(table, protocol, &on6, (groupscan_join6 *)first,
                                               count, flags, most, place6_in(steps), &steps->more,
                                               became);
    else
        status = groupscan_table_replace4_step(table, protocol, &on4, (groupscan_join4 *)first,
                                               count, flags, most, place4_in(steps), &steps->more,
                                               became);
    free(memory);
    return status;
}

static groupscan_status leave_all_step(groupscan_table *table, int six, unsigned protocol,
                                       unsigned interface, size_t most, Steps *steps,
                                       groupscan_outcome *became)
{
    groupscan_interface4 on4 = interface4_of(interface);
    groupscan_interface6 on6 = interface6_of(interface);
    if (six)
        return groupscan_table_leave_all6_step(table, protocol, &on6, most, place6_in(steps),
                                               &steps->more, became);
    return groupscan_table_leave_all4_step(table, protocol, &on4, most, place4_in(steps),
                                           &steps->more, became);
}

static groupscan_status leave_everywhere(groupscan_table *table, int six, unsigned protocol,
                                         groupscan_outcome *became)
{
    if (six)
        return groupscan_table_leave_everywhere6(table, protocol, became);
    return groupscan_table_leave_everywhere4(table, protocol, became);
}

static groupscan_status leave_everywhere_step(groupscan_table *table, int six, unsigned protocol,
                                              size_t most, Steps *steps, groupscan_outcome *became)
{
    if (six)
        return groupscan_table_leave_everywhere6_step(table, protocol, most, place6_in(steps),
                                                      &steps->more, became);
    return groupscan_table_leave_everywhere4_step(table, protocol, most, place4_in(steps),
                                                  &steps->more, became);
}

static size_t leave_everywhere_model(Model *model, unsigned protocol)
{
    size_t changed = 0, n;
    for (n = model->count; n > 0; n--) {
        Member at = model->members[n - 1];
        if (at.protocol == protocol)
            changed += set_flags(model, &at, 0);
    }
    return changed;
}

/* Checks the outcome of a step: one version if it changed anything, and else none. Adds up its changes. */
static void check_step(const Steps *steps, int six, size_t most, uint64_t *version, size_t *changed)
{
    *version += outcome.changed > 0;
    check_outcome(*version, outcome.changed, NOWHERE);
    CHECK(outcome.changed <= most);
    *changed += outcome.changed;
    check_place(steps, six);
}

static const size_t mosts[] = {1, 2, 3, 7, 1000, (size_t)-1};

static void steps_come_to_the_whole_replacement(int six)
{
    static const unsigned flags[] = {
        JOIN, FORWARD, BOTH, JOIN | GROUPSCAN_KEEP_FLAGS, FORWARD | GROUPSCAN_KEEP_FLAGS,
        BOTH | GROUPSCAN_KEEP_FLAGS,
    };
    Member list[40];
    size_t of, with, n;
    /* Some of them exist. */
    for (n = 0; n < 40; n++)
        list[n] = member(1 + (unsigned)n / 4, n % 4 == 0 ? 0 : 2 + (unsigned)n % 4, 0, 0);
    for (of = 0; of < COUNT(mosts); of++) {
        for (with = 0; with < COUNT(flags); with++) {
            groupscan_table *table = table_of_some(six);
            Steps steps = steps_from_the_start(six);
            uint64_t version = version_of(table);
            size_t changed = 0, calls = 0;
            while (steps.more) {
                OK(replace_step(table, six, 11, 1, list, 40, flags[with], mosts[of], &steps,
                                &outcome));
                check_step(&steps, six, mosts[of], &version, &changed);
                calls++;
            }
            CHECK_EQ(changed, replace_model_with(&some, 11, 1, list, 40, flags[with]));
            CHECK(mosts[of] >= 1000 ? calls == 1 : calls >= 40 / mosts[of]);
            check_table(table, six, &some);
            /* The place is the start again, and there is nothing to change. */
            OK(replace_step(table, six, 11, 1, list, 40, flags[with], 1000, &steps, &outcome));
            check_outcome(version, 0, NOWHERE);
            CHECK(!steps.more);
            groupscan_table_destroy(table);
        }
    }
}

static void steps_come_to_the_whole_removal(int six)
{
    size_t of, changed;
    uint64_t version;
    groupscan_table *table;
    for (of = 0; of < COUNT(mosts); of++) {
        Steps steps = steps_from_the_start(six);
        size_t calls = 0;
        table = table_of_some(six);
        version = version_of(table);
        for (changed = 0; steps.more; calls++) {
            OK(leave_all_step(table, six, 11, 1, mosts[of], &steps, &outcome));
            check_step(&steps, six, mosts[of], &version, &changed);
        }
        CHECK_EQ(changed, replace_model(&some, 11, 1, NULL, 0));
        CHECK(changed > 0 && (mosts[of] > 1 || calls >= changed));
        check_table(table, six, &some);
        steps.more = true;
        for (changed = 0; steps.more;) {
            OK(leave_everywhere_step(table, six, 12, mosts[of], &steps, &outcome));
            check_step(&steps, six, mosts[of], &version, &changed);
        }
        CHECK_EQ(changed, leave_everywhere_model(&some, 12));
        CHECK(changed > 0);
        check_table(table, six, &some);
        groupscan_table_destroy(table);
    }
    /* The whole change is one version. */
    table = table_of_some(six);
    version = version_of(table);
    changed = leave_everywhere_model(&some, 10);
    CHECK(changed > 0);
    OK(leave_everywhere(table, six, 10, &outcome));
    check_outcome(version + 1, changed, NOWHERE);
    check_table(table, six, &some);
    OK(leave_everywhere(table, six, 10, &outcome));
    check_outcome(version + 1, 0, NOWHERE);
    /* Of this family alone. */
    OK(leave_everywhere(table, !six, 11, NULL));
    check_table(table, six, &some);
    OK(leave_everywhere(table, six, 11, NULL));
    OK(leave_everywhere(table, six, 12, NULL));
    some.count = 0;
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void steps_find_what_others_change_behind_the_place(int six)
{
    groupscan_table *table = new_table();
    Steps steps = steps_from_the_start(six);
    Member members[8], others[3];
    groupscan_snapshot *snapshot;
    unsigned n;
    for (n = 0; n < 8; n++)
        members[n] = member(10 + n, 0, 1, JOIN);
    OK(change(table, six, JOINING, 5, members, 8, NULL));
    OK(leave_all_step(table, six, 5, 1, 4, &steps, &outcome));
    check_outcome(2, 4, NOWHERE);
    CHECK(steps.more);
    others[0] = member(11, 0, 1, JOIN);
    others[1] = member(16, 3, 1, JOIN);
    others[2] = member(99, 0, 1, JOIN);
    OK(change(table, six, JOINING, 5, others, 3, NULL));
    while (steps.more)
        OK(leave_all_step(table, six, 5, 1, 4, &steps, NULL));
    snapshot = taken(table);
    CHECK(is_joined(snapshot, six, 11, 0));
    CHECK_EQ(rank_of(snapshot, six, 65535, 0), 1);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* Checks that a step is refused, and leaves the place and `more` as they are. */
#define STEP_REFUSED(call, status, at)                                                          \
    do {                                                                                        \
        Steps before_ = steps;                                                                  \
        CHANGE_REFUSED(call, status, at);                                                       \
        CHECK(memcmp(before_.memory, steps.memory, sizeof steps.memory) == 0);                  \
        CHECK_EQ(steps.more, before_.more);                                                     \
    } while (0)

static void arguments_of_steps_are_checked(int six)
{
    static const unsigned bad_flags[] = {0,   4,   7,    GROUPSCAN_KEEP_FLAGS, 257 + 4,
                                         512, 513, 1025, 0x80000001u,          0xffffffffu};
    static const uint32_t bad_places[] = {2, 255, 256, 0x80000000u, 0xffffffffu};
    groupscan_table *table = table_of_some(six);
    uint64_t before = version_of(table);
    size_t begun_at = 1 + (six ? sizeof(groupscan_place6) : sizeof(groupscan_place4)) - 4, n;
    Steps steps = steps_from_the_start(six);
    Member list[4];
    for (n = 0; n < 4; n++)
        list[n] = member(1 + (unsigned)n, 0, 0, 0);
    for (n = 0; n < COUNT(bad_flags); n++)
        STEP_REFUSED(replace_step(table, six, 11, 1, list, 4, bad_flags[n], 2, &steps, &outcome),
                     INVALID_FLAGS, NOWHERE);
    STEP_REFUSED(replace_step(table, six, 11, 1, list, 4, JOIN, 0, &steps, &outcome), INVALID_SIZE,
                 NOWHERE);
    STEP_REFUSED(leave_all_step(table, six, 11, 1, 0, &steps, &outcome), INVALID_SIZE, NOWHERE);
    STEP_REFUSED(leave_everywhere_step(table, six, 11, 0, &steps, &outcome), INVALID_SIZE, NOWHERE);
    for (n = 0; n < COUNT(bad_places); n++) {
        memcpy(steps.memory + begun_at, &bad_places[n], 4);
        STEP_REFUSED(replace_step(table, six, 11, 1, list, 4, JOIN, 1, &steps, &outcome),
                     UNKNOWN_OPTION, NOWHERE);
        STEP_REFUSED(leave_all_step(table, six, 11, 1, 1, &steps, &outcome), UNKNOWN_OPTION,
                     NOWHERE);
        STEP_REFUSED(leave_everywhere_step(table, six, 11, 1, &steps, &outcome), UNKNOWN_OPTION,
                     NOWHERE);
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void a_step_checks_what_it_looks_at(int six)
{
    groupscan_table *table = table_of_some(six);
    Steps steps = steps_from_the_start(six);
    Member list[12];
    uint64_t before;
    size_t n, place;
    for (n = 0; n < 12; n++)
        list[n] = member(1 + (unsigned)n / 3, 5 + (unsigned)n % 3, 0, 0);
    /* A step checks what it looks at, and the join behind. */
    before = version_of(table);
    for (place = 1; place < 12; place++) {
        Member right = list[place];
        list[place] = list[place - 1];
        STEP_REFUSED(replace_step(table, six, 11, ABSENT_INTERFACE, list, 12, JOIN, place, &steps,
                                  &outcome),
                     NOT_ASCENDING, place);
        list[place] = right;
    }
    CHECK_EQ(version_of(table), before);
    OK(replace_step(table, six, 11, ABSENT_INTERFACE, list, 12, JOIN, 5, &steps, &outcome));
    check_outcome(before + 1, 5, NOWHERE);
    /* The next one begins at the join 5, and names indices of the whole list. */
    list[7] = list[6];
    STEP_REFUSED(replace_step(table, six, 11, ABSENT_INTERFACE, list, 12, JOIN, 2, &steps,
                              &outcome),
                 NOT_ASCENDING, 7);
    list[7] = member(3, 6, 0, 0);
    while (steps.more)
        OK(replace_step(table, six, 11, ABSENT_INTERFACE, list, 12, JOIN, 2, &steps, NULL));
    replace_model(&some, 11, ABSENT_INTERFACE, list, 12);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void null_pointers_of_steps(void)
{
    groupscan_table *table = new_table();
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, 10, 0);
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_join4 list4 = join4_of(1, 2);
    groupscan_join6 list6 = join6_of(1, 2);
    groupscan_place4 place4 = GROUPSCAN_PLACE4_INIT;
    groupscan_place6 place6 = GROUPSCAN_PLACE6_INIT;
    bool *more = &results.is_so, is_more = true;

#define STEPS_REFUSED(owner, call, first, on, list, place)                                      \
    NULL_CHANGE_REFUSED(call(NULL, first, &on, &list, 1, JOIN, 1, &place, more, &outcome));     \
    NULL_CHANGE_REFUSED(call(owner, first, NULL, &list, 1, JOIN, 1, &place, more, &outcome));   \
    NULL_CHANGE_REFUSED(call(owner, first, &on, NULL, 1, JOIN, 1, &place, more, &outcome));     \
    NULL_CHANGE_REFUSED(call(owner, first, &on, &list, 1, JOIN, 1, NULL, more, &outcome));      \
    NULL_CHANGE_REFUSED(call(owner, first, &on, &list, 1, JOIN, 1, &place, NULL, &outcome));    \
    NULL_REFUSED(call(owner, first, &on, &list, 1, JOIN, 1, &place, NULL, NULL))
    STEPS_REFUSED(table, groupscan_table_replace4_step, 1, on4, list4, place4);
    STEPS_REFUSED(table, groupscan_table_replace6_step, 1, on6, list6, place6);
    STEPS_REFUSED(manager, groupscan_manager_replace4_step, igmp, on4, list4, place4);
#undef STEPS_REFUSED
#define STEPS_REFUSED(owner, call, first, on, place)                                            \
    NULL_CHANGE_REFUSED(call(NULL, first, &on, 1, &place, more, &outcome));                     \
    NULL_CHANGE_REFUSED(call(owner, first, NULL, 1, &place, more, &outcome));                   \
    NULL_CHANGE_REFUSED(call(owner, first, &on, 1, NULL, more, &outcome));                      \
    NULL_CHANGE_REFUSED(call(owner, first, &on, 1, &place, NULL, &outcome))
    STEPS_REFUSED(table, groupscan_table_leave_all4_step, 1, on4, place4);
    STEPS_REFUSED(table, groupscan_table_leave_all6_step, 1, on6, place6);
    STEPS_REFUSED(manager, groupscan_manager_leave_all4_step, igmp, on4, place4);
    STEPS_REFUSED(manager, groupscan_manager_release_interface4_step, igmp, on4, place4);
#undef STEPS_REFUSED
#define STEPS_REFUSED(owner, call, first, place)                                                \
    NULL_CHANGE_REFUSED(call(NULL, first, 1, &place, more, &outcome));                          \
    NULL_CHANGE_REFUSED(call(owner, first, 1, NULL, more, &outcome));                           \
    NULL_CHANGE_REFUSED(call(owner, first, 1, &place, NULL, &outcome))
    STEPS_REFUSED(table, groupscan_table_leave_everywhere4_step, 1, place4);
    STEPS_REFUSED(table, groupscan_table_leave_everywhere6_step, 1, place6);
    STEPS_REFUSED(manager, groupscan_manager_deregister_step, igmp, place4);
#undef STEPS_REFUSED
    CHECK_EQ(version_of(table), 0);
    CHECK_EQ(place4.has_begun + place6.has_begun, 0);
    /* These may be null: an empty list, and the outcome. */
    OK(groupscan_table_replace4_step(table, 1, &on4, NULL, 0, JOIN, 1, &place4, &is_more, NULL));
    CHECK(!is_more);
    OK(groupscan_table_replace4_step(table, 1, &on4, &list4, 1, JOIN, 1, &place4, &is_more, NULL));
    place4.has_begun = 1;
    OK(groupscan_table_replace4_step(table, 1, &on4, NULL, 0, JOIN, 9, &place4, &is_more, NULL));
    CHECK_EQ(stats_of(table).ipv4.memberships, 0);
    groupscan_manager_destroy(manager);
    groupscan_table_destroy(table);
}

/* ---- Cases: memory ---- */

#define MAPPED_BYTES ((size_t)1 << 20)

static groupscan_table *mapped_table(size_t mapped_bytes)
{
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_table *table = NULL;
    options.mapped_bytes = mapped_bytes;
    OK(groupscan_table_create(&options, &table));
    return table;
}

static size_t memberships_in(const groupscan_table *table, int six)
{
    groupscan_stats stats = stats_of(table);
    return six ? stats.ipv6.memberships : stats.ipv4.memberships;
}

static void mapped_bytes_bound_joins_and_not_leaves(int six)
{
    groupscan_table *table = mapped_table(MAPPED_BYTES);
    unsigned count = fill(table, six), n;
    Member one = scattered(count);
    CHECK(count > 100);
    CHECK(stats_of(table).mapped_bytes <= MAPPED_BYTES);
    CHANGE_REFUSED(change(table, six, JOINING, 1, &one, 1, &outcome), OUT_OF_CAPACITY, 0);
    for (n = 0; n < count; n++) {
        one = scattered(n);
        OK(change(table, six, LEAVING, 1, &one, 1, &outcome));
        CHECK_EQ(outcome.changed, 1);
        CHECK(stats_of(table).mapped_bytes <= MAPPED_BYTES);
    }
    CHECK_EQ(memberships_in(table, six), 0);
    OK(change(table, six, JOINING, 1, &one, 1, NULL));
    groupscan_table_destroy(table);
}

static void leave_all_works_in_several_versions(int six)
{
    groupscan_table *table = mapped_table(MAPPED_BYTES);
    size_t count = fill(table, six), left = 0;
    uint64_t before = version_of(table);
    groupscan_snapshot *held;
    unsigned interface;
    /* The memberships of an interface are everywhere, so one version would need a copy of all nodes. */
    for (interface = 0; interface < 3; interface++) {
        OK(leave_all(table, six, 1, interface, &outcome));
        left += outcome.changed;
        CHECK_EQ(memberships_in(table, six), count - left);
        CHECK_EQ(version_of(table), outcome.version);
        if (interface == 0)
            CHECK(outcome.version > before + 1);
    }
    CHECK_EQ(left, count);
    /* The same everywhere. */
    count = fill(table, six);
    before = version_of(table);
    OK(leave_everywhere(table, six, 1, &outcome));
    check_outcome(version_of(table), count, NOWHERE);
    CHECK(outcome.version > before);
    CHECK_EQ(memberships_in(table, six), 0);
    /* A snapshot holds what a removal would free. Some memberships may be gone; a retry removes the rest. */
    count = fill(table, six);
    held = taken(table);
    CHANGE_REFUSED(leave_everywhere(table, six, 1, &outcome), OUT_OF_CAPACITY, NOWHERE);
    CHANGE_REFUSED(leave_all(table, six, 1, 0, &outcome), OUT_OF_CAPACITY, NOWHERE);
    CHECK_EQ(rank_of(held, six, 65535, 0), count);
    left = memberships_in(table, six);
    CHECK(left > 0);
    groupscan_snapshot_destroy(held);
    OK(leave_everywhere(table, six, 1, &outcome));
    CHECK_EQ(outcome.changed, left);
    groupscan_table_destroy(table);
}

static void trimming_gives_memory_back(int six)
{
    groupscan_table *table = new_table();
    size_t count = 20000, before, n;
    Member *members = (Member *)memory_of(count * sizeof *members);
    groupscan_snapshot *held;
    bool more = true;
    for (n = 0; n < count; n++)
        members[n] = member(1 + (unsigned)n, 0, 0, JOIN);
    OK(change(table, six, JOINING, 1, members, count, NULL));
    free(members);
    /* Held, so that the leave itself frees nothing. */
    held = taken(table);
    OK(leave_all(table, six, 1, 0, NULL));
    groupscan_snapshot_destroy(held);
    reclaim_all(table);
    before = stats_of(table).mapped_bytes;
    CHECK(before > 0);
    for (n = 0; more; n++) {
        CHECK(n < 1000);
        OK(groupscan_table_trim(table, &more));
    }
    CHECK_EQ(stats_of(table).mapped_bytes, 0);
    /* Also if there is nothing to give back, the steps come to an end. */
    for (more = true, n = 0; more; n++) {
        CHECK(n < 10);
        OK(groupscan_table_trim(table, &more));
    }
    groupscan_table_destroy(table);
}

/* ---- Cases: the clients of managers ---- */

static void mapped_bytes_bound_managers(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_status status = GROUPSCAN_OK;
    groupscan_stats stats;
    unsigned count, n;
    bool more = true;
    options.mapped_bytes = MAPPED_BYTES;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    for (count = 0; status == GROUPSCAN_OK; count++) {
        Member one = scattered(count);
        CHECK(count < FULL_MOST);
        status = change_managed(manager, JOINING, igmp, &one, 1, &outcome);
    }
    CHECK_EQ(status, OUT_OF_CAPACITY);
    check_refused_at(0);
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK(stats.mapped_bytes <= MAPPED_BYTES);
    for (n = 0; n < count - 1; n += 2) {
        Member one = scattered(n);
        OK(change_managed(manager, LEAVING, igmp, &one, 1, NULL));
    }
    OK(groupscan_manager_deregister(manager, igmp));
    for (n = 0; more; n++) {
        CHECK(n < 1000);
        OK(groupscan_manager_reclaim(manager, &more));
    }
    for (more = true, n = 0; more; n++) {
        CHECK(n < 1000);
        OK(groupscan_manager_trim(manager, &more));
    }
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK_EQ(stats.ipv4.memberships + stats.mapped_bytes, 0);
    groupscan_manager_destroy(manager);
}

static void clients_replace_and_leave_in_steps(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_interface4 on = interface4_of(1);
    groupscan_join4 joins[40];
    Member list[40];
    size_t of, n;
    for (n = 0; n < 40; n++) {
        list[n] = member(1 + (unsigned)n / 4, n % 4 == 0 ? 0 : 2 + (unsigned)n % 4, 0, 0);
        joins[n] = join4_of(list[n].group, list[n].source);
    }
    for (of = 0; of < COUNT(mosts); of++) {
        groupscan_manager *manager = manager_of_some(clients);
        uint32_t number = number_of(manager, clients[1]);
        uint64_t version = managed_version(manager);
        unsigned flags = FORWARD | (of % 2 == 0 ? GROUPSCAN_KEEP_FLAGS : 0);
        Steps steps = steps_from_the_start(0);
        size_t changed = 0;
        while (steps.more) {
            OK(groupscan_manager_replace4_step(manager, clients[1], &on, joins, 40, flags,
                                               mosts[of], place4_in(&steps), &steps.more,
                                               &outcome));
            check_step(&steps, 0, mosts[of], &version, &changed);
        }
        CHECK_EQ(changed, replace_model_with(&some, number, 1, list, 40, flags));
        check_managed(manager, &some);
        for (changed = 0, steps.more = true; steps.more;) {
            OK(groupscan_manager_leave_all4_step(manager, clients[1], &on, mosts[of],
                                                 place4_in(&steps), &steps.more, &outcome));
            check_step(&steps, 0, mosts[of], &version, &changed);
        }
        CHECK_EQ(changed, replace_model(&some, number, 1, NULL, 0));
        CHECK_EQ(changed, 40);
        check_managed(manager, &some);
        groupscan_manager_destroy(manager);
    }
}

static void the_last_step_releases_and_deregisters(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_protocol_handle pim = registered(manager, PIM, 1);
    groupscan_interface4 on = interface4_of(LAN);
    Steps steps = steps_from_the_start(0);
    Member members[20];
    uint64_t version;
    size_t changed = 0, n;
    for (n = 0; n < 20; n++)
        members[n] = member(1 + (unsigned)n, 0, LAN, JOIN);
    OK(take(manager, pim, LAN));
    OK(change_managed(manager, JOINING, pim, members, 20, NULL));
    STEP_REFUSED(groupscan_manager_deregister_step(manager, pim, 1, place4_in(&steps), &steps.more,
                                                   &outcome),
                 OWNS_INTERFACES, NOWHERE);
    STEP_REFUSED(groupscan_manager_release_interface4_step(manager, igmp, &on, 1, place4_in(&steps),
                                                           &steps.more, &outcome),
                 NOT_OWNER, NOWHERE);
    version = managed_version(manager);
    while (steps.more) {
        check_owner(manager, LAN, PIM, 1);
        OK(groupscan_manager_release_interface4_step(manager, pim, &on, 7, place4_in(&steps),
                                                     &steps.more, &outcome));
        check_step(&steps, 0, 7, &version, &changed);
    }
    CHECK_EQ(changed, 20);
    check_no_owner(manager, LAN);
    steps.more = true;
    STEP_REFUSED(groupscan_manager_release_interface4_step(manager, pim, &on, 1, place4_in(&steps),
                                                           &steps.more, &outcome),
                 NOT_OWNER, NOWHERE);

    for (n = 0; n < 20; n++)
        members[n].interface = (unsigned)n % 3;
    OK(change_managed(manager, JOINING, igmp, members, 20, &outcome));
    version = outcome.version;
    for (changed = 0; steps.more;) {
        number_of(manager, igmp);
        OK(groupscan_manager_deregister_step(manager, igmp, 7, place4_in(&steps), &steps.more,
                                             &outcome));
        check_step(&steps, 0, 7, &version, &changed);
    }
    CHECK_EQ(changed, 20);
    steps.more = true;
    STEP_REFUSED(groupscan_manager_deregister_step(manager, igmp, 7, place4_in(&steps), &steps.more,
                                                   &outcome),
                 INVALID_HANDLE, NOWHERE);
    /* A client without memberships is deregistered by one step. */
    OK(groupscan_manager_deregister_step(manager, pim, 7, place4_in(&steps), &steps.more, NULL));
    CHECK(!steps.more);
    REFUSED(groupscan_manager_deregister(manager, pim), INVALID_HANDLE);
    groupscan_manager_destroy(manager);
}

static void steps_of_clients_are_checked(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_interface4 on = interface4_of(LAN), nobodys = interface4_of(NOBODYS);
    Steps steps = steps_from_the_start(0);
    groupscan_join4 joins[4];
    unsigned n;
#define REPLACED(client, flags, most)                                                           \
    groupscan_manager_replace4_step(manager, client, &on, joins, 4, flags, most,                \
                                    place4_in(&steps), &steps.more, &outcome)
    for (n = 0; n < 4; n++)
        joins[n] = join4_of(1 + n, 0);
    STEP_REFUSED(REPLACED(igmp, 0, 1), INVALID_FLAGS, NOWHERE);
    STEP_REFUSED(REPLACED(igmp, JOIN, 0), INVALID_SIZE, NOWHERE);
    STEP_REFUSED(REPLACED(pim, JOIN, 1), NOT_OWNER, NOWHERE);
    STEP_REFUSED(REPLACED(0, JOIN, 1), INVALID_HANDLE, NOWHERE);
    joins[2].group[0] = 10;
    STEP_REFUSED(REPLACED(igmp, JOIN, 3), INVALID_MEMBERSHIP, 2);
    joins[2] = joins[1];
    STEP_REFUSED(REPLACED(igmp, JOIN, 2), NOT_ASCENDING, 2);
    joins[2] = join4_of(3, 0);
    OK(REPLACED(igmp, JOIN, 1));
    check_outcome(1, 1, NOWHERE);
    joins[3] = joins[2];
    STEP_REFUSED(REPLACED(igmp, JOIN, 2), NOT_ASCENDING, 3);
    joins[3] = join4_of(4, 0);
    while (steps.more)
        OK(REPLACED(igmp, JOIN, 2));
    CHECK_EQ(managed_version(manager), 3);
    steps.more = true;
    STEP_REFUSED(groupscan_manager_leave_all4_step(manager, igmp, &nobodys, 1, place4_in(&steps),
                                                   &steps.more, &outcome),
                 NOT_FOUND, NOWHERE);
    STEP_REFUSED(groupscan_manager_leave_all4_step(manager, igmp, &on, 0, place4_in(&steps),
                                                   &steps.more, &outcome),
                 INVALID_SIZE, NOWHERE);
    STEP_REFUSED(groupscan_manager_deregister_step(manager, igmp, 0, place4_in(&steps),
                                                   &steps.more, &outcome),
                 INVALID_SIZE, NOWHERE);
    STEP_REFUSED(groupscan_manager_release_interface4_step(manager, igmp, &on, 0, place4_in(&steps),
                                                           &steps.more, &outcome),
                 INVALID_SIZE, NOWHERE);
#undef REPLACED
    groupscan_manager_destroy(manager);
}
