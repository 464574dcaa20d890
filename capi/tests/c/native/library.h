/* Cases: the library, and what all calls have in common. A part of native.c. */

/* The first case: options of the manager of the process must come before any other call. */
static void the_process_has_one_manager(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT, bad;
    struct {
        groupscan_manager_options known;
        uint32_t unknown[2];
    } longer;
    groupscan_manager *manager = NULL, *again = NULL;
    groupscan_protocol_handle native;
    groupscan_enumeration_handle running;
    groupscan_interface4 lan = interface4_of(2), other = interface4_of(4), third = interface4_of(6);
    groupscan_source_group_entry4 entry;
    HANDLE pim = NULL, ending[2], refused;
    DWORD group, owner = 0, component = 9, ended;
    size_t count = 0;
    bool more = true;
    Member numbers = member(SOME_GROUP, 0, 2, JOIN);
    groupscan_membership4 membership = membership4_of(numbers);

    options.protocols = 2;
    options.owned_interfaces = 2;
    options.enumerations = 3;
    /* Calls that are refused do not create it. */
    REFUSED(groupscan_manager_of_process(&options, NULL), NULL_POINTER);
    REFUSED(groupscan_manager_of_process(NULL, NULL), NULL_POINTER);
    bad = options;
    bad.size--;
    REFUSED(groupscan_manager_of_process(&bad, &results.manager), INVALID_SIZE);
    memset(&longer, 0, sizeof longer);
    longer.known = options;
    longer.known.size = sizeof longer;
    longer.unknown[1] = 1;
    REFUSED(groupscan_manager_of_process(&longer.known, &results.manager), UNKNOWN_OPTION);

    OK(groupscan_manager_of_process(&options, &manager));
    CHECK(manager != NULL);
    OK(groupscan_manager_of_process(NULL, &again));
    CHECK(again == manager);
    REFUSED(groupscan_manager_of_process(&options, &results.manager), ALREADY_EXISTS);
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    REFUSED(groupscan_manager_of_process(&options, &results.manager), ALREADY_EXISTS);
    groupscan_manager_destroy(manager);
    groupscan_manager_destroy(manager);

    /* The calls of mgm.h and these see each other's changes. */
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 0, &pim), NO_ERROR);
    OK(groupscan_manager_register(manager, 0x01370020, 1, &native));
    REFUSED(groupscan_manager_register(manager, 0x01370020, 0, &results.protocol), ALREADY_EXISTS);
    REFUSED(groupscan_manager_register(manager, 0x01370020, 2, &results.protocol), TOO_MANY);
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 1, &refused), ERROR_ALREADY_EXISTS);
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 2, &refused), ERROR_NOT_ENOUGH_MEMORY);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, lan.index, 0), NO_ERROR);
    OK(groupscan_manager_take_interface4(manager, native, &other));
    REFUSED(groupscan_manager_take_interface4(manager, native, &lan), ALREADY_OWNED);
    REFUSED(groupscan_manager_take_interface4(manager, native, &third), TOO_MANY);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, third.index, 0), ERROR_NOT_ENOUGH_MEMORY);
    OK(groupscan_manager_owner4(manager, &lan, &owner, &component));
    CHECK_EQ(owner, 0x01370020);
    CHECK_EQ(component, 0);
    CHECK_EQ(MgmGetProtocolOnInterface(other.index, 0, &owner, &component), NO_ERROR);
    CHECK_EQ(component, 1);
    memcpy(&group, membership.group, sizeof group);
    CHECK_EQ(MgmAddGroupMembershipEntry(pim, 0, 0, group, 0xffffffffu, lan.index, 0, JOIN),
             NO_ERROR);
    OK(groupscan_manager_start4(manager, native, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &running));
    OK(groupscan_manager_next(manager, running, &entry, sizeof entry, &count, &more));
    CHECK_EQ(count, 1);
    CHECK(!more);
    CHECK(memcmp(entry.group, membership.group, sizeof entry.group) == 0);

    /* Enumerations of both kinds count towards the limit. */
    for (ended = 0; ended < 2; ended++)
        CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &ending[ended]), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), ERROR_NOT_ENOUGH_MEMORY);
    REFUSED(groupscan_manager_start4(manager, native, 0, NULL, &results.handle), TOO_MANY);
    OK(groupscan_manager_end(manager, running));
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationEnd(refused), NO_ERROR);
    /* A HANDLE, as a number, is a handle here. */
    OK(groupscan_manager_end(manager, (uint64_t)(uintptr_t)ending[0]));
    CHECK_EQ(MgmGroupEnumerationEnd(ending[0]), ERROR_INVALID_PARAMETER);
    CHECK_EQ(MgmGroupEnumerationEnd(ending[1]), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, lan.index, 0), NO_ERROR);
    CHECK_EQ(MgmDeRegisterMProtocol(pim), NO_ERROR);
    OK(groupscan_manager_release_interface4(manager, native, &other));
    OK(groupscan_manager_deregister(manager, native));
    groupscan_manager_destroy(manager);
}

static void the_versions_agree(void)
{
    char version[40];
    CHECK(strcmp(groupscan_version(), GROUPSCAN_VERSION_STRING) == 0);
    CHECK(groupscan_version() == groupscan_version());
    CHECK_EQ(groupscan_version_number(), GROUPSCAN_VERSION_NUMBER);
    sprintf(version, "%u.%u.%u", (unsigned)groupscan_version_number() >> 16,
            (unsigned)groupscan_version_number() >> 8 & 0xff,
            (unsigned)groupscan_version_number() & 0xff);
    CHECK(strcmp(version, groupscan_version()) == 0);
    sprintf(version, "%d.%d.%d", GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR,
            GROUPSCAN_VERSION_PATCH);
    CHECK(strcmp(version, GROUPSCAN_VERSION_STRING) == 0);
}

static void every_status_has_a_message(void)
{
    static const int unknown[] = {-1, STATUSES, STATUSES + 1, 255, 256, INT_MAX, INT_MIN};
    int status, other;
    size_t n;
    for (status = 0; status < STATUSES; status++) {
        const char *message = groupscan_strerror(status);
        CHECK(message != NULL && strlen(message) > 5);
        CHECK(message == groupscan_strerror(status));
        for (other = 0; other < status; other++)
            CHECK(strcmp(message, groupscan_strerror(other)) != 0);
    }
    for (n = 0; n < COUNT(unknown); n++) {
        CHECK(groupscan_strerror(unknown[n]) != NULL && groupscan_strerror(unknown[n])[0] != 0);
        for (status = 0; status < STATUSES; status++)
            CHECK(strcmp(groupscan_strerror(unknown[n]), groupscan_strerror(status)) != 0);
    }
}

#define NULL_REFUSED(call) REFUSED(call, NULL_POINTER)
#define NULL_CHANGE_REFUSED(call) CHANGE_REFUSED(call, NULL_POINTER, NOWHERE)

static void null_pointers_of_table_calls(void)
{
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_table *table = NULL;
    groupscan_snapshot *snapshot = NULL;
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_join4 list4 = join4_of(1, 2);
    groupscan_join6 list6 = join6_of(1, 2);
    size_t count = NOWHERE;

    groupscan_table_destroy(NULL);
    NULL_REFUSED(groupscan_table_create(&options, NULL));
    NULL_REFUSED(groupscan_table_create(NULL, NULL));
    OK(groupscan_table_create(NULL, &table));

    NULL_CHANGE_REFUSED(groupscan_table_join4(NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join6(NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave4(NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave6(NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join4(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join6(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave4(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave6(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(NULL, 1, &one4, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(NULL, 1, &one6, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(table, 1, NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(table, 1, NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(table, 1, &one4, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(table, 1, &one6, 1, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_table_join4(NULL, 1, &one4, 1, NULL));
    NULL_REFUSED(groupscan_table_leave6(table, 1, NULL, 1, NULL));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all4(NULL, 1, &on4, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all6(NULL, 1, &on6, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all4(table, 1, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all6(table, 1, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(NULL, 1, &on4, &list4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(NULL, 1, &on6, &list6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(table, 1, NULL, &list4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(table, 1, NULL, &list6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(table, 1, &on4, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(table, 1, &on6, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_table_snapshot(NULL, &results.snapshot));
    NULL_REFUSED(groupscan_table_snapshot(table, NULL));
    NULL_REFUSED(groupscan_table_stats(NULL, &results.stats, sizeof results.stats));
    NULL_REFUSED(groupscan_table_stats(table, NULL, sizeof results.stats));
    NULL_REFUSED(groupscan_table_retained(NULL, results.retained, 2, sizeof results.retained[0],
                                          &results.number));
    NULL_REFUSED(groupscan_table_retained(table, NULL, 2, sizeof results.retained[0],
                                          &results.number));
    NULL_REFUSED(groupscan_table_retained(table, results.retained, 2, sizeof results.retained[0],
                                          NULL));
    NULL_REFUSED(groupscan_table_set_timeout(NULL, 0));
    NULL_REFUSED(groupscan_table_reclaim(NULL, &results.is_so));
    NULL_REFUSED(groupscan_table_reclaim(table, NULL));
    NULL_REFUSED(groupscan_table_trim(NULL, &results.is_so));
    NULL_REFUSED(groupscan_table_trim(table, NULL));
    NULL_CHANGE_REFUSED(groupscan_table_leave_everywhere4(NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_everywhere6(NULL, 1, &outcome));
    CHECK_EQ(version_of(table), 0);

    /* These may be null. */
    OK(groupscan_table_join4(table, 1, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_table_leave6(table, 1, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_table_join6(table, 1, NULL, 0, NULL));
    OK(groupscan_table_leave4(table, 1, NULL, 0, NULL));
    OK(groupscan_table_update4(table, 1, NULL, 0, NULL, 0, NULL));
    OK(groupscan_table_update6(table, 1, NULL, 0, NULL, 0, NULL));
    OK(groupscan_table_update4(table, 1, &one4, 1, NULL, 0, NULL));
    OK(groupscan_table_update6(table, 1, &one6, 1, NULL, 0, NULL));
    CHECK_EQ(version_of(table), 0);
    OK(groupscan_table_update4(table, 1, NULL, 0, &one4, 1, NULL));
    OK(groupscan_table_update6(table, 1, NULL, 0, &one6, 1, NULL));
    OK(groupscan_table_replace4(table, 1, &on4, &list4, 1, NULL));
    OK(groupscan_table_replace6(table, 1, &on6, &list6, 1, NULL));
    CHECK_EQ(version_of(table), 2);
    OK(groupscan_table_replace4(table, 1, &on4, NULL, 0, NULL));
    OK(groupscan_table_replace6(table, 1, &on6, NULL, 0, NULL));
    CHECK_EQ(version_of(table), 4);
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_join6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_leave_all4(table, 1, &on4, NULL));
    OK(groupscan_table_leave_all6(table, 1, &on6, NULL));
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_join6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_leave4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_leave6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_snapshot(table, &snapshot));
    CHECK_EQ(info_of(snapshot).version, 12);
    groupscan_snapshot_destroy(snapshot);
    CHECK_EQ(groupscan_table_retained(table, NULL, 0, sizeof results.retained[0], &count),
             BUFFER_TOO_SMALL);
    CHECK_EQ(count, 1);
    groupscan_table_destroy(table);
}

static void null_pointers_of_snapshot_calls(void)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    groupscan_join4 one4 = join4_of(1, 2);
    groupscan_join6 one6 = join6_of(1, 2);
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
    groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
    groupscan_enumeration *enumeration = NULL;
    size_t count = NOWHERE;
    Results *to = &results;

    groupscan_snapshot_destroy(NULL);
    NULL_REFUSED(groupscan_snapshot_get_info(NULL, &to->info, sizeof to->info));
    NULL_REFUSED(groupscan_snapshot_get_info(snapshot, NULL, sizeof to->info));
    NULL_REFUSED(groupscan_snapshot_clone(NULL, &to->snapshot));
    NULL_REFUSED(groupscan_snapshot_clone(snapshot, NULL));
    NULL_REFUSED(groupscan_snapshot_contains4(NULL, &one4, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains4(snapshot, NULL, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains4(snapshot, &one4, NULL));
    NULL_REFUSED(groupscan_snapshot_contains6(NULL, &one6, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains6(snapshot, NULL, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains6(snapshot, &one6, NULL));
    NULL_REFUSED(groupscan_snapshot_rank4(NULL, &one4, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank4(snapshot, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank4(snapshot, &one4, NULL));
    NULL_REFUSED(groupscan_snapshot_rank6(NULL, &one6, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank6(snapshot, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank6(snapshot, &one6, NULL));
    NULL_REFUSED(groupscan_snapshot_outgoing4(NULL, &one4, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, NULL, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, &one4, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, &one4, to->interfaces4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_outgoing6(NULL, &one6, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, NULL, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, &one6, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, &one6, to->interfaces6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_interfaces4(NULL, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces4(snapshot, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces4(snapshot, to->interfaces4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_interfaces6(NULL, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces6(snapshot, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces6(snapshot, to->interfaces6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_memberships4(NULL, one4.group, to->entries4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, NULL, to->entries4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, one4.group, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, one4.group, to->entries4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_memberships6(NULL, one6.group, to->entries6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, NULL, to->entries6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, one6.group, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, one6.group, to->entries6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_next_interface4(NULL, NULL, to->interfaces4));
    NULL_REFUSED(groupscan_snapshot_next_interface4(snapshot, &on4, NULL));
    NULL_REFUSED(groupscan_snapshot_next_outgoing4(NULL, &one4, NULL, to->interfaces4));
    NULL_REFUSED(groupscan_snapshot_next_outgoing4(snapshot, NULL, &on4, to->interfaces4));
    NULL_REFUSED(groupscan_snapshot_next_outgoing4(snapshot, &one4, &on4, NULL));
    NULL_REFUSED(groupscan_snapshot_next_membership4(NULL, 0, NULL, to->entries4));
    NULL_REFUSED(groupscan_snapshot_next_membership4(snapshot, 0, NULL, NULL));
    NULL_REFUSED(groupscan_snapshot_next_interface6(NULL, NULL, to->interfaces6));
    NULL_REFUSED(groupscan_snapshot_next_interface6(snapshot, &on6, NULL));
    NULL_REFUSED(groupscan_snapshot_next_outgoing6(NULL, &one6, NULL, to->interfaces6));
    NULL_REFUSED(groupscan_snapshot_next_outgoing6(snapshot, NULL, &on6, to->interfaces6));
    NULL_REFUSED(groupscan_snapshot_next_outgoing6(snapshot, &one6, &on6, NULL));
    NULL_REFUSED(groupscan_snapshot_next_membership6(NULL, 0, NULL, to->entries6));
    NULL_REFUSED(groupscan_snapshot_next_membership6(snapshot, 0, NULL, NULL));
    NULL_REFUSED(groupscan_snapshot_keys4(NULL, 0, &to->keys4, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys4(snapshot, 0, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys4(snapshot, 0, &to->keys4, NULL));
    NULL_REFUSED(groupscan_snapshot_keys6(NULL, 0, &to->keys6, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys6(snapshot, 0, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys6(snapshot, 0, &to->keys6, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate4(NULL, 0, &filter4, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate4(snapshot, 0, &filter4, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate6(NULL, 0, &filter6, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate6(snapshot, 0, &filter6, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships4(NULL, &on4, &filter4, &to->enumeration));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_memberships4(snapshot, NULL, &filter4, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships4(snapshot, &on4, &filter4, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships6(NULL, &on6, &filter6, &to->enumeration));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_memberships6(snapshot, NULL, &filter6, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships6(snapshot, &on6, &filter6, NULL));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_all_memberships4(NULL, 0, &filter4, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_all_memberships4(snapshot, 0, &filter4, NULL));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_all_memberships6(NULL, 0, &filter6, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_all_memberships6(snapshot, 0, &filter6, NULL));

    /* These may be null. */
    OK(groupscan_snapshot_outgoing4(snapshot, &one4, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_outgoing6(snapshot, &one6, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_interfaces4(snapshot, NULL, 0, &count));
    OK(groupscan_snapshot_interfaces6(snapshot, NULL, 0, &count));
    OK(groupscan_snapshot_memberships4(snapshot, one4.group, NULL, 0, &count));
    OK(groupscan_snapshot_memberships6(snapshot, one6.group, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_enumerate4(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate6(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships4(snapshot, &on4, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships6(snapshot, &on6, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_all_memberships4(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_all_memberships6(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* For an enumeration of any kind with records left. */
static void check_null_pointers_of(groupscan_enumeration *enumeration, size_t record_bytes)
{
    groupscan_position position;
    size_t count = NOWHERE, bytes;
    Results *to = &results;
    OK(groupscan_enumeration_position(enumeration, &position));
    NULL_REFUSED(groupscan_enumeration_next(NULL, to->buffer, sizeof to->buffer, &to->number,
                                            &to->is_so));
    NULL_REFUSED(groupscan_enumeration_next(enumeration, to->buffer, sizeof to->buffer, NULL,
                                            &to->is_so));
    for (bytes = 0; bytes < 3 * record_bytes; bytes++)
        REFUSED(groupscan_enumeration_next(enumeration, NULL, bytes, &to->number, &to->is_so),
                bytes < record_bytes ? BUFFER_TOO_SMALL : NULL_POINTER);
    NULL_REFUSED(groupscan_enumeration_next(enumeration, NULL, NOWHERE, &to->number, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_remaining(NULL, &to->number, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_remaining(enumeration, NULL, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_position(NULL, &to->position));
    NULL_REFUSED(groupscan_enumeration_position(enumeration, NULL));
    NULL_REFUSED(groupscan_enumeration_resume_after(NULL, &position));
    NULL_REFUSED(groupscan_enumeration_resume_after(enumeration, NULL));
    NULL_REFUSED(groupscan_enumeration_split(NULL, to->parts, 2));
    NULL_REFUSED(groupscan_enumeration_split(enumeration, NULL, 2));
    /* These may be null. */
    OK(groupscan_enumeration_remaining(enumeration, &count, NULL));
    CHECK_EQ(count, 2);
    OK(groupscan_enumeration_next(enumeration, to->buffer, record_bytes, &count, NULL));
    CHECK_EQ(count, 1);
    groupscan_enumeration_destroy(NULL);
}

static void null_pointers_of_enumeration_calls(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Member two[2];
    Walk walks[4];
    size_t n;
    two[0] = member(1, 0, 0, JOIN);
    two[1] = member(1, 2, 0, JOIN);
    OK(change(table, six, JOINING, 1, two, 2, NULL));
    snapshot = taken(table);
    walks[0] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[1] = memberships_of(0);
    walks[2] = walk_of(VIEW_BY_GROUP);
    walks[3] = walk_of(VIEW_BY_INTERFACE);
    for (n = 0; n < COUNT(walks); n++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[n]);
        check_null_pointers_of(enumeration, record_bytes_of(six, &walks[n]));
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static groupscan_manager *new_manager(void)
{
    groupscan_manager *manager = NULL;
    OK(groupscan_manager_create(NULL, &manager));
    CHECK(manager != NULL);
    return manager;
}

static groupscan_protocol_handle registered(groupscan_manager *manager, uint32_t protocol_id,
                                            uint32_t component_id)
{
    groupscan_protocol_handle protocol = 0;
    OK(groupscan_manager_register(manager, protocol_id, component_id, &protocol));
    /* These are never issued. */
    CHECK(protocol != 0 && protocol != ~(uint64_t)0);
    return protocol;
}

static void null_pointers_of_manager_calls(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_enumeration_handle running;
    groupscan_membership4 one = membership4_of(member(1, 2, 3, JOIN));
    groupscan_join4 join = join4_of(1, 2);
    groupscan_interface4 on = interface4_of(3);
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    size_t count = NOWHERE;
    Results *to = &results;

    groupscan_manager_destroy(NULL);
    NULL_REFUSED(groupscan_manager_create(&options, NULL));
    NULL_REFUSED(groupscan_manager_create(NULL, NULL));
    OK(groupscan_manager_create(NULL, &manager));
    NULL_REFUSED(groupscan_manager_register(NULL, 10, 0, &to->protocol));
    NULL_REFUSED(groupscan_manager_register(manager, 10, 0, NULL));
    /* The failed call has not registered it. */
    igmp = registered(manager, 10, 0);
    NULL_REFUSED(groupscan_manager_deregister(NULL, igmp));
    NULL_REFUSED(groupscan_manager_take_interface4(NULL, igmp, &on));
    NULL_REFUSED(groupscan_manager_take_interface4(manager, igmp, NULL));
    NULL_REFUSED(groupscan_manager_release_interface4(NULL, igmp, &on));
    NULL_REFUSED(groupscan_manager_release_interface4(manager, igmp, NULL));
    NULL_REFUSED(groupscan_manager_owner4(NULL, &on, &to->id, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, NULL, &to->id, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, &on, NULL, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, &on, &to->id, NULL));
    NULL_REFUSED(groupscan_manager_protocol_number(NULL, igmp, &to->id));
    NULL_REFUSED(groupscan_manager_protocol_number(manager, igmp, NULL));
    NULL_CHANGE_REFUSED(groupscan_manager_join4(NULL, igmp, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_join4(manager, igmp, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave4(NULL, igmp, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave4(manager, igmp, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(NULL, igmp, &one, 1, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(manager, igmp, NULL, 1, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(manager, igmp, &one, 1, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_manager_join4(NULL, igmp, &one, 1, NULL));
    NULL_CHANGE_REFUSED(groupscan_manager_leave_all4(NULL, igmp, &on, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave_all4(manager, igmp, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(NULL, igmp, &on, &join, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(manager, igmp, NULL, &join, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(manager, igmp, &on, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_manager_start4(NULL, igmp, 0, &filter, &to->handle));
    NULL_REFUSED(groupscan_manager_start4(manager, igmp, 0, &filter, NULL));
    OK(groupscan_manager_join4(manager, igmp, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_manager_leave4(manager, igmp, NULL, 0, NULL));
    OK(groupscan_manager_update4(manager, igmp, NULL, 0, NULL, 0, NULL));
    OK(groupscan_manager_update4(manager, igmp, NULL, 0, &one, 1, NULL));
    OK(groupscan_manager_start4(manager, igmp, 0, NULL, &running));
    NULL_REFUSED(groupscan_manager_next(NULL, running, to->buffer, sizeof to->buffer, &to->number,
                                        &to->is_so));
    NULL_REFUSED(groupscan_manager_next(manager, running, NULL, sizeof to->buffer, &to->number,
                                        &to->is_so));
    REFUSED(groupscan_manager_next(manager, running, NULL, 15, &to->number, &to->is_so),
            BUFFER_TOO_SMALL);
    NULL_REFUSED(groupscan_manager_next(manager, running, to->buffer, sizeof to->buffer, NULL,
                                        &to->is_so));
    NULL_REFUSED(groupscan_manager_end(NULL, running));
    NULL_REFUSED(groupscan_manager_expire_idle(NULL, &to->number));
    NULL_REFUSED(groupscan_manager_expire_idle(manager, NULL));
    NULL_REFUSED(groupscan_manager_enumerations4(NULL, to->enumerations, 2,
                                                sizeof to->enumerations[0], &to->number));
    NULL_REFUSED(groupscan_manager_enumerations4(manager, NULL, 2, sizeof to->enumerations[0],
                                                &to->number));
    NULL_REFUSED(groupscan_manager_enumerations4(manager, to->enumerations, 2,
                                                sizeof to->enumerations[0], NULL));
    NULL_REFUSED(groupscan_manager_snapshot(NULL, &to->snapshot));
    NULL_REFUSED(groupscan_manager_snapshot(manager, NULL));
    NULL_REFUSED(groupscan_manager_stats(NULL, &to->stats, sizeof to->stats));
    NULL_REFUSED(groupscan_manager_stats(manager, NULL, sizeof to->stats));
    NULL_REFUSED(groupscan_manager_retained(NULL, to->retained, 2, sizeof to->retained[0],
                                            &to->number));
    NULL_REFUSED(groupscan_manager_retained(manager, NULL, 2, sizeof to->retained[0],
                                            &to->number));
    NULL_REFUSED(groupscan_manager_retained(manager, to->retained, 2, sizeof to->retained[0],
                                            NULL));
    NULL_REFUSED(groupscan_manager_set_timeout(NULL, 0));
    NULL_REFUSED(groupscan_manager_reclaim(NULL, &to->is_so));
    NULL_REFUSED(groupscan_manager_reclaim(manager, NULL));
    NULL_REFUSED(groupscan_manager_trim(NULL, &to->is_so));
    NULL_REFUSED(groupscan_manager_trim(manager, NULL));
    /* None of these calls has consumed the record. */
    OK(groupscan_manager_next(manager, running, to->buffer, sizeof to->buffer, &count, NULL));
    CHECK_EQ(count, 1);
    OK(groupscan_manager_next(manager, running, NULL, sizeof to->buffer, &count, NULL));
    CHECK_EQ(count, 0);
    OK(groupscan_manager_end(manager, running));
    OK(groupscan_manager_enumerations4(manager, NULL, 0, sizeof to->enumerations[0], &count));
    CHECK_EQ(count, 0);
    OK(groupscan_manager_leave4(manager, igmp, &one, 1, NULL));
    OK(groupscan_manager_replace4(manager, igmp, &on, &join, 1, NULL));
    OK(groupscan_manager_leave_all4(manager, igmp, &on, NULL));
    OK(groupscan_manager_replace4(manager, igmp, &on, NULL, 0, NULL));
    OK(groupscan_manager_deregister(manager, igmp));
    groupscan_manager_destroy(manager);
}
