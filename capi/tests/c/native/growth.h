/* Cases: structs that grow. A part of native.c. */

#define MOST_STRUCT_BYTES 4096

/* The objects of the calls below. */
static struct {
    groupscan_table *table;
    groupscan_snapshot *snapshot;
    groupscan_manager *manager;
    groupscan_protocol_handle protocol;
} subject;

typedef groupscan_status (*TakesOptions)(const void *options);
typedef groupscan_status (*GivesStruct)(void *place, size_t bytes);
typedef groupscan_status (*GivesList)(void *list, size_t capacity, size_t element_bytes,
                                      size_t *count);

static groupscan_status create_table(const void *options)
{
    groupscan_status status =
        groupscan_table_create((const groupscan_table_options *)options, &results.table);
    if (status == GROUPSCAN_OK)
        groupscan_table_destroy(results.table);
    return status;
}

static groupscan_status create_manager(const void *options)
{
    groupscan_status status =
        groupscan_manager_create((const groupscan_manager_options *)options, &results.manager);
    if (status == GROUPSCAN_OK)
        groupscan_manager_destroy(results.manager);
    return status;
}

static groupscan_status ended_at_once(groupscan_status status)
{
    if (status == GROUPSCAN_OK)
        groupscan_enumeration_destroy(results.enumeration);
    return status;
}

static groupscan_status filter_joins4(const void *filter)
{
    return ended_at_once(groupscan_snapshot_enumerate4(
        subject.snapshot, 0, (const groupscan_filter4 *)filter, &results.enumeration));
}

static groupscan_status filter_joins6(const void *filter)
{
    return ended_at_once(groupscan_snapshot_enumerate6(
        subject.snapshot, 0, (const groupscan_filter6 *)filter, &results.enumeration));
}

static groupscan_status filter_memberships4(const void *filter)
{
    groupscan_interface4 on = interface4_of(0);
    return ended_at_once(groupscan_snapshot_enumerate_memberships4(
        subject.snapshot, &on, (const groupscan_filter4 *)filter, &results.enumeration));
}

static groupscan_status filter_memberships6(const void *filter)
{
    groupscan_interface6 on = interface6_of(0);
    return ended_at_once(groupscan_snapshot_enumerate_memberships6(
        subject.snapshot, &on, (const groupscan_filter6 *)filter, &results.enumeration));
}

static groupscan_status filter_start(const void *filter)
{
    groupscan_status status = groupscan_manager_start4(
        subject.manager, subject.protocol, 0, (const groupscan_filter4 *)filter, &results.handle);
    if (status == GROUPSCAN_OK)
        OK(groupscan_manager_end(subject.manager, results.handle));
    return status;
}

static groupscan_status give_table_stats(void *place, size_t bytes)
{
    return groupscan_table_stats(subject.table, (groupscan_stats *)place, bytes);
}

static groupscan_status give_manager_stats(void *place, size_t bytes)
{
    return groupscan_manager_stats(subject.manager, (groupscan_stats *)place, bytes);
}

static groupscan_status give_info(void *place, size_t bytes)
{
    return groupscan_snapshot_get_info(subject.snapshot, (groupscan_snapshot_info *)place, bytes);
}

static groupscan_status list_of_table(void *list, size_t capacity, size_t element_bytes,
                                      size_t *count)
{
    return groupscan_table_retained(subject.table, (groupscan_retained *)list, capacity,
                                    element_bytes, count);
}

static groupscan_status list_of_manager(void *list, size_t capacity, size_t element_bytes,
                                        size_t *count)
{
    return groupscan_manager_retained(subject.manager, (groupscan_retained *)list, capacity,
                                      element_bytes, count);
}

/* With the times set to 0, because they change. */
static groupscan_status list_enumerations(void *list, size_t capacity, size_t element_bytes,
                                          size_t *count)
{
    uint8_t *first = (uint8_t *)list;
    groupscan_status status = groupscan_manager_enumerations4(
        subject.manager, (groupscan_manager_enumeration4 *)list, capacity, element_bytes, count);
    size_t n;
    for (n = 0; status != INVALID_SIZE && n < capacity && n < *count; n++)
        memset(first + n * element_bytes + offsetof(groupscan_manager_enumeration4, age_ms), 0, 16);
    return status;
}

/* A table with two live versions, and a manager with two live versions and two enumerations. */
static void make_subject(void)
{
    groupscan_enumeration_handle running;
    groupscan_membership4 one = membership4_of(member(1, 2, 3, JOIN));
    subject.table = table_of_some(0);
    subject.snapshot = taken(subject.table);
    OK(groupscan_table_join4(subject.table, 1, &one, 1, NULL));
    subject.manager = new_manager();
    subject.protocol = registered(subject.manager, 10, 0);
    OK(groupscan_manager_start4(subject.manager, subject.protocol, 2, NULL, &running));
    OK(groupscan_manager_join4(subject.manager, subject.protocol, &one, 1, NULL));
    OK(groupscan_manager_start4(subject.manager, subject.protocol, 3, NULL, &running));
}

static void destroy_subject(void)
{
    groupscan_snapshot_destroy(subject.snapshot);
    groupscan_table_destroy(subject.table);
    groupscan_manager_destroy(subject.manager);
}

static const size_t no_sizes[] = {0, 1, 8, MOST_STRUCT_BYTES + 1, MOST_STRUCT_BYTES + 8,
                                  (size_t)-8, (size_t)-1};

/* Options of some size, all 0 after the size except for one byte, if any. */
static groupscan_status call_with_options(TakesOptions call, size_t bytes, size_t place)
{
    uint8_t *options = (uint8_t *)memory_of(bytes);
    groupscan_status status;
    memset(options, 0, bytes);
    memcpy(options, &bytes, sizeof bytes);
    if (place < bytes)
        options[place] = 0x80;
    status = call(options);
    free(options);
    return status;
}

static void options_may_be_longer_and_not_shorter(void)
{
    static const struct {
        TakesOptions call;
        size_t bytes;
        /* The size of the first version. */
        size_t first;
    } calls[] = {
        {create_table, sizeof(groupscan_table_options), 24},
        {create_manager, sizeof(groupscan_manager_options), 56},
        {filter_joins4, sizeof(groupscan_filter4), sizeof(groupscan_filter4)},
        {filter_joins6, sizeof(groupscan_filter6), sizeof(groupscan_filter6)},
        {filter_memberships4, sizeof(groupscan_filter4), sizeof(groupscan_filter4)},
        {filter_memberships6, sizeof(groupscan_filter6), sizeof(groupscan_filter6)},
        {filter_start, sizeof(groupscan_filter4), sizeof(groupscan_filter4)},
    };
    size_t of, n;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        TakesOptions call = calls[of].call;
        size_t known = calls[of].bytes, first = calls[of].first;
        OK(call(NULL));
        for (n = 0; n < COUNT(no_sizes); n++) {
            /* Only the size is read. */
            void *options = memory_of(sizeof(size_t));
            memcpy(options, &no_sizes[n], sizeof(size_t));
            REFUSED(call(options), INVALID_SIZE);
            free(options);
        }
        REFUSED(call_with_options(call, first - 8, NOWHERE), INVALID_SIZE);
        for (n = first - 7; n <= known + 24; n++) {
            if (n % 8 == 0)
                OK(call_with_options(call, n, NOWHERE));
            else
                REFUSED(call_with_options(call, n, NOWHERE), INVALID_SIZE);
        }
        for (n = known; n < known + 24; n++) {
            REFUSED(call_with_options(call, known + 24, n), UNKNOWN_OPTION);
            if (n < known + 8)
                REFUSED(call_with_options(call, known + 8, n), UNKNOWN_OPTION);
        }
        OK(call_with_options(call, MOST_STRUCT_BYTES, NOWHERE));
        REFUSED(call_with_options(call, MOST_STRUCT_BYTES, MOST_STRUCT_BYTES - 1), UNKNOWN_OPTION);
    }
    destroy_subject();
}

static void structs_that_are_given_may_be_longer_and_not_shorter(void)
{
    static const struct {
        GivesStruct call;
        size_t bytes;
    } calls[] = {
        {give_table_stats, sizeof(groupscan_stats)},
        {give_manager_stats, sizeof(groupscan_stats)},
        {give_info, sizeof(groupscan_snapshot_info)},
    };
    static uint8_t known[sizeof(groupscan_stats)], memory[MOST_STRUCT_BYTES + 16];
    size_t of, n, at;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        GivesStruct call = calls[of].call;
        size_t bytes = calls[of].bytes;
        OK(call(known, bytes));
        for (n = 0; n < COUNT(no_sizes); n++)
            REFUSED(call(results.buffer, no_sizes[n]), INVALID_SIZE);
        REFUSED(call(results.buffer, bytes - 8), INVALID_SIZE);
        for (n = 1; n < 8; n++) {
            REFUSED(call(results.buffer, bytes - n), INVALID_SIZE);
            REFUSED(call(results.buffer, bytes + n), INVALID_SIZE);
        }
        for (n = 0; n <= 40; n += 8) {
            size_t given = n < 40 ? bytes + n : MOST_STRUCT_BYTES;
            memset(memory, CANARY, sizeof memory);
            OK(call(memory + 1, given));
            CHECK(memcmp(memory + 1, known, bytes) == 0);
            for (at = bytes; at < given; at++)
                CHECK_EQ(memory[1 + at], 0);
            CHECK(is_untouched(memory + 1 + given, sizeof memory - 1 - given));
            CHECK_EQ(memory[0], CANARY);
        }
    }
    destroy_subject();
}

/* Checks that a list has the first elements, each followed by zeros. */
static void check_elements(const uint8_t *list, size_t element_bytes, const uint8_t *known,
                           size_t known_bytes, size_t count)
{
    size_t n, at;
    for (n = 0; n < count; n++) {
        CHECK(memcmp(list + n * element_bytes, known + n * known_bytes, known_bytes) == 0);
        for (at = known_bytes; at < element_bytes; at++)
            CHECK_EQ(list[n * element_bytes + at], 0);
    }
}

static void elements_of_lists_may_be_longer_and_not_shorter(void)
{
    static const struct {
        GivesList call;
        size_t bytes;
    } calls[] = {
        {list_of_table, sizeof(groupscan_retained)},
        {list_of_manager, sizeof(groupscan_retained)},
        {list_enumerations, sizeof(groupscan_manager_enumeration4)},
    };
    static uint8_t known[2 * sizeof(groupscan_manager_enumeration4)];
    static uint8_t memory[3 * MOST_STRUCT_BYTES + 16];
    static const size_t more_bytes[] = {0, 8, 16, 40};
    size_t of, n, capacity, element_bytes, count;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        GivesList call = calls[of].call;
        size_t bytes = calls[of].bytes, there_are = NOWHERE;
        OK(call(known, 2, bytes, &there_are));
        CHECK_EQ(there_are, 2);
        for (n = 0; n < COUNT(no_sizes); n++)
            REFUSED(call(results.buffer, 0, no_sizes[n], &results.number), INVALID_SIZE);
        REFUSED(call(results.buffer, 1, bytes - 8, &results.number), INVALID_SIZE);
        for (n = 1; n < 8; n++) {
            REFUSED(call(results.buffer, 1, bytes - n, &results.number), INVALID_SIZE);
            REFUSED(call(results.buffer, 1, bytes + n, &results.number), INVALID_SIZE);
        }
        /* No memory is so large. */
        REFUSED(call(results.buffer, (size_t)-1 / bytes, bytes, &results.number), INVALID_SIZE);
        REFUSED(call(results.buffer, (size_t)-1, bytes, &results.number), INVALID_SIZE);
        for (n = 0; n <= COUNT(more_bytes); n++) {
            element_bytes = n < COUNT(more_bytes) ? bytes + more_bytes[n] : MOST_STRUCT_BYTES;
            for (capacity = 0; capacity <= 3; capacity++) {
                size_t written = capacity < 2 ? capacity : 2;
                memset(memory, CANARY, sizeof memory);
                count = NOWHERE;
                CHECK_EQ(call(memory + 1, capacity, element_bytes, &count),
                         capacity < 2 ? BUFFER_TOO_SMALL : GROUPSCAN_OK);
                CHECK_EQ(count, 2);
                check_elements(memory + 1, element_bytes, known, bytes, written);
                CHECK(is_untouched(memory + 1 + written * element_bytes,
                                   sizeof memory - 1 - written * element_bytes));
                CHECK_EQ(memory[0], CANARY);
            }
        }
    }
    destroy_subject();
}

/* Copies a struct to an odd address, and returns the address. */
#define AT_ODD_ADDRESS(what, bytes) memcpy((bytes) + 1, &(what), sizeof(what))

static void structs_need_not_be_aligned(void)
{
    uint8_t in[1 + sizeof(groupscan_filter6)], on[1 + sizeof(groupscan_interface6)];
    uint8_t out[1 + sizeof(groupscan_position)];
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_manager_options manager_options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
    groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_join4 join4 = join4_of(1, 2);
    groupscan_join6 join6 = join6_of(1, 2);
    groupscan_table *table = NULL;
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration = NULL;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_position position;
    void *odd = out + 1;
    size_t count = 0, rank = NOWHERE;
    uint32_t id, component;
    bool contains = false;

    options.live_versions = 2;
    OK(groupscan_table_create((groupscan_table_options *)AT_ODD_ADDRESS(options, in), &table));
    OK(groupscan_table_join4(table, 1, (groupscan_membership4 *)AT_ODD_ADDRESS(one4, in), 1,
                             (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(1, 1, NOWHERE);
    OK(groupscan_table_join6(table, 1, (groupscan_membership6 *)AT_ODD_ADDRESS(one6, in), 1,
                             (groupscan_outcome *)odd));
    snapshot = taken(table);
    OK(groupscan_snapshot_contains4(snapshot, (groupscan_join4 *)AT_ODD_ADDRESS(join4, in),
                                    &contains));
    CHECK(contains);
    OK(groupscan_snapshot_rank6(snapshot, (groupscan_join6 *)AT_ODD_ADDRESS(join6, in), &rank));
    CHECK_EQ(rank, 0);
    OK(groupscan_snapshot_outgoing6(snapshot, (groupscan_join6 *)AT_ODD_ADDRESS(join6, in),
                                    (groupscan_interface6 *)odd, 1, &count));
    CHECK_EQ(count, 1);
    CHECK(memcmp(odd, &on6, sizeof on6) == 0);
    filter4.has_interface = 1;
    filter4.iface = on4;
    OK(groupscan_snapshot_enumerate4(snapshot, 0, (groupscan_filter4 *)AT_ODD_ADDRESS(filter4, in),
                                     &enumeration));
    OK(groupscan_enumeration_next(enumeration, results.buffer, 16, &count, NULL));
    CHECK_EQ(count, 1);
    OK(groupscan_enumeration_position(enumeration, (groupscan_position *)odd));
    memcpy(&position, odd, sizeof position);
    CHECK_EQ(position.family, GROUPSCAN_IPV4);
    CHECK_EQ(position.group[3], 1);
    position.source[3] = 1;
    OK(groupscan_enumeration_resume_after(enumeration,
                                          (groupscan_position *)AT_ODD_ADDRESS(position, out)));
    check_remaining(enumeration, 1);
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships6(
        snapshot, (groupscan_interface6 *)AT_ODD_ADDRESS(on6, on),
        (groupscan_filter6 *)AT_ODD_ADDRESS(filter6, in), &enumeration));
    check_remaining(enumeration, 1);
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    OK(groupscan_table_replace4(table, 1, (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on),
                                (groupscan_join4 *)AT_ODD_ADDRESS(join4, in), 1,
                                (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(2, 0, NOWHERE);
    OK(groupscan_table_leave_all6(table, 1, (groupscan_interface6 *)AT_ODD_ADDRESS(on6, on),
                                  (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(3, 1, NOWHERE);
    groupscan_table_destroy(table);

    manager_options.protocols = 1;
    OK(groupscan_manager_create(
        (groupscan_manager_options *)AT_ODD_ADDRESS(manager_options, in), &manager));
    igmp = registered(manager, 10, 4);
    OK(groupscan_manager_take_interface4(manager, igmp,
                                        (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on)));
    OK(groupscan_manager_owner4(manager, (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on), &id,
                               &component));
    CHECK_EQ(component, 4);
    OK(groupscan_manager_join4(manager, igmp, (groupscan_membership4 *)AT_ODD_ADDRESS(one4, in), 1,
                              (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(1, 1, NOWHERE);
    OK(groupscan_manager_release_interface4(manager, igmp,
                                           (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on)));
    groupscan_manager_destroy(manager);
}
